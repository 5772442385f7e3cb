"""What the subcommands of `manage.py token` share: what one is, how it finds what it is about, and how it prints."""

import json
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.core.serializers.json import DjangoJSONEncoder

from tokens.credential import IDENTIFIER_LENGTH
from tokens.models import Token
from tokens.redaction import without_secrets

Options = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Printed:
    """What a subcommand says: `out` on standard output, `note` on standard error, so that it spoils no pipe."""

    out: str = field(repr=False)  # it may be a token's value
    note: str = ""


class Action(NamedTuple):
    """A subcommand: what it is for, what it takes, what it does, and what to add to its help."""

    help: str
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Options], Printed]
    epilog: str = ""


def person(email: str) -> Any:
    """The account of that address. Raises CommandError."""
    users = get_user_model()
    try:
        return users._default_manager.get_by_natural_key(email)  # noqa: SLF001  (Django's own way to it)
    except users.DoesNotExist:
        raise CommandError(f"No account has the address {email}. Administration lists and invites people.") from None


def one(identifier: str) -> Token:
    """The token of that identifier. Raises CommandError, which repeats no secret that was pasted by mistake."""
    public = without_secrets(identifier)
    if public != identifier:
        raise CommandError(
            f"That is more than an identifier, and your shell may remember it. Give the first {IDENTIFIER_LENGTH} "
            f"characters alone, {public}."
        )
    token = Token.objects.select_related("owner").filter(identifier=identifier).first()
    if token is None:
        raise CommandError(
            f"No token has the identifier {identifier}. It is a token's first {IDENTIFIER_LENGTH} characters; "
            "`token list` shows them all."
        )
    return token


def in_json(facts: Any) -> str:
    return json.dumps(facts, cls=DjangoJSONEncoder, indent=2)


def exact(at: datetime | None) -> str:
    """An instant to the second, or "" for none."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at else ""
