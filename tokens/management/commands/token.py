"""Tokens from the command line: `manage.py token list` and `show`. Another subcommand is one more line in ACTIONS."""

import json
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from tokens.facts import as_json
from tokens.models import Token
from tokens.plain import one_line, table
from tokens.redaction import redact

Options = dict[str, Any]


class Action(NamedTuple):
    """A subcommand: what it is for, what it takes, and what it does. What it returns is printed."""

    help: str
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Options], str]


class Command(BaseCommand):
    help = "List and show tokens. Values are kept nowhere, so none is ever shown."

    def add_arguments(self, parser: CommandParser) -> None:
        chosen = parser.add_subparsers(dest="action", metavar="action", required=True)
        for name, action in ACTIONS.items():
            subparser = chosen.add_parser(name, help=action.help, description=action.help)
            action.arguments(subparser)
            subparser.add_argument("--json", action="store_true", help="for scripts")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(ACTIONS[options["action"]].run(options))


def list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--user", metavar="EMAIL", help="only this person's")
    parser.add_argument(
        "--over-policy",
        action="store_true",
        help="only active ones whose whole lifetime is longer than MAX_TOKEN_LIFETIME_DAYS",
    )


def list_tokens(options: Options) -> str:
    tokens: Any = Token.objects.select_related("owner").order_by("owner__email", "-created_at", "-pk")
    if options["user"]:
        tokens = tokens.owned_by(person(options["user"]))
    if options["over_policy"]:
        if settings.MAX_TOKEN_LIFETIME_DAYS is None:
            raise CommandError("MAX_TOKEN_LIFETIME_DAYS is not set, so there is no policy to be over.")
        tokens = tokens.over_policy()
    if options["json"]:
        return in_json([as_json(token) for token in tokens])
    head = ["IDENTIFIER", "NAME", "OWNER", "ENVIRONMENT", "STATUS", "CREATED", "EXPIRES", "LAST USED"]
    return table(head, [row(token) for token in tokens]) if tokens else "No tokens."


def row(token: Token) -> list[str]:
    environment, status = token.get_environment_display(), token.status.label
    created, expires, used = (day(at) for at in (token.created_at, token.expires_at, token.last_used_at))
    return [token.identifier, one_line(token.name, 30), token.owner.email, environment, status, created, expires, used]


def show_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("identifier", help="the first 24 characters of the token")


def show_token(options: Options) -> str:
    token = one(options["identifier"])
    facts = as_json(token)
    if options["json"]:
        return in_json(facts)
    shown = {
        "identifier": token.identifier,
        "name": one_line(token.name),
        "description": one_line(token.description, 200) if token.description else "",
        "owner": token.owner.email,
        "environment": token.get_environment_display(),
        "status": token.status.label,
        "scopes": " ".join(token.scopes),
        "allowed addresses": " ".join(token.allowed_addresses) or "anywhere",
        "rate limit": facts["rate_limit"],
        "created": exact(token.created_at),
        "expires": exact(token.expires_at),
        "revoked": exact(token.revoked_at),
        "last used": exact(token.last_used_at) or "never",
    }
    return "\n".join(f"{name + ':':<19}{value}" for name, value in shown.items() if value)


def person(email: str) -> Any:
    """The account of that address. Raises CommandError."""
    users = get_user_model()
    try:
        return users._default_manager.get_by_natural_key(email)  # noqa: SLF001  (Django's own way to it)
    except users.DoesNotExist:
        raise CommandError(f"No account has the address {email}.") from None


def one(identifier: str) -> Token:
    """The token of that identifier. Raises CommandError, which repeats no secret that was pasted by mistake."""
    token = Token.objects.select_related("owner").filter(identifier=identifier).first()
    if token is None:
        raise CommandError(f"No token has the identifier {redact(identifier)}.")
    return token


def in_json(facts: Any) -> str:
    return json.dumps(facts, cls=DjangoJSONEncoder, indent=2)


def day(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}" if at else "never"


def exact(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at else ""


ACTIONS = {
    "list": Action("List tokens, everybody's or one person's.", list_arguments, list_tokens),
    "show": Action("Show one token.", show_arguments, show_token),
}
