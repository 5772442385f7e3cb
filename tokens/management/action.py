"""What all subcommands of `manage.py token` use: types, look-ups, and the output as text."""

import json
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.core.serializers.json import DjangoJSONEncoder

from tokens.authentication.credentials import IDENTIFIER_LENGTH
from tokens.core.redaction import without_secrets
from tokens.models import Token

Options = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Printed:
    """The output of a subcommand: `out` on standard output, `note` on standard error.

    The note is for people. A script that reads standard output does not get the note. If there is
    an `error`, the command fails after the output.
    """

    out: str = field(repr=False)  # not in `repr`, because it may be the value of a token
    note: str = ""
    error: str = ""


class Action(NamedTuple):
    """A subcommand of `manage.py token`.

    `help` and `epilog` are its texts, `arguments` adds its arguments to the parser, and `run`
    takes the parsed options and returns the output.
    """

    help: str
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Options], Printed]
    epilog: str = ""


def user_by_name(name: str) -> Any:
    """Return the account of a person: `name` is what the person signs in with, such as an address.

    Raise CommandError if there is none.
    """
    users = get_user_model()
    try:
        return users._default_manager.get_by_natural_key(name)  # noqa: SLF001
    except users.DoesNotExist:
        raise CommandError(
            f"No account has the {users.USERNAME_FIELD} {name}. Administration lists all accounts."
        ) from None


def token_by_identifier(identifier: str) -> Token:
    """Return the token with this identifier. Raise CommandError if there is none.

    If somebody pastes a whole token by mistake, the error does not repeat the secret part.
    """
    public = without_secrets(identifier)
    if public != identifier:
        raise CommandError(
            "That is more than an identifier, and your shell may remember it. "
            f"Give only the first {IDENTIFIER_LENGTH} characters: {public}."
        )
    token = (
        Token.objects.select_related("owner__token_leaver").filter(identifier=identifier).first()
    )
    if token is None:
        raise CommandError(
            f"No token has the identifier {identifier}. An identifier is the first "
            f"{IDENTIFIER_LENGTH} characters of a token; `token list` shows all identifiers."
        )
    return token


def to_json(facts: Any) -> str:
    """Return `facts` as indented JSON. Times become text (ISO 8601)."""
    return json.dumps(facts, cls=DjangoJSONEncoder, indent=2)


def format_instant(at: datetime | None) -> str:
    """Return the time `at` as text, in UTC and to the second; "" for None."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at else ""
