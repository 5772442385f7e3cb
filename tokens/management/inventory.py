"""`manage.py token list` and `show`: what there is. Values are kept nowhere, so none is ever shown."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from tokens.facts import as_json
from tokens.management.action import Options, Printed, exact, in_json, one, person
from tokens.models import Token
from tokens.plain import one_line, table


def list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--user", metavar="EMAIL", help="only this person's")
    parser.add_argument(
        "--over-policy",
        action="store_true",
        help="only active ones whose whole lifetime is longer than MAX_TOKEN_LIFETIME_DAYS",
    )


def list_tokens(options: Options) -> Printed:
    tokens: Any = Token.objects.select_related("owner").order_by("owner__email", "-created_at", "-pk")
    if options["user"]:
        tokens = tokens.owned_by(person(options["user"]))
    if options["over_policy"]:
        if settings.MAX_TOKEN_LIFETIME_DAYS is None:
            raise CommandError("MAX_TOKEN_LIFETIME_DAYS is not set, so there is no policy to be over.")
        tokens = tokens.over_policy()
    if options["json"]:
        return Printed(in_json([as_json(token) for token in tokens]))
    head = ["IDENTIFIER", "NAME", "OWNER", "ENVIRONMENT", "STATUS", "CREATED", "EXPIRES", "LAST USED"]
    return Printed(table(head, [row(token) for token in tokens]) if tokens else "No tokens.")


def row(token: Token) -> list[str]:
    environment, status = token.get_environment_display(), token.status.label
    created, expires, used = (day(at) for at in (token.created_at, token.expires_at, token.last_used_at))
    return [token.identifier, one_line(token.name, 30), token.owner.email, environment, status, created, expires, used]


def show_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("identifier", metavar="IDENTIFIER", help="the first 24 characters of the token")


def show_token(options: Options) -> Printed:
    token = one(options["identifier"])
    facts = as_json(token)
    if options["json"]:
        return Printed(in_json(facts))
    shown = {
        "identifier": token.identifier,
        "name": one_line(token.name),
        "description": one_line(token.description, 200) if token.description else "",
        "owner": token.owner.email,
        "environment": token.get_environment_display(),
        "status": token.status.label,
        "scopes": " ".join(token.scopes) or "none",
        "allowed addresses": " ".join(token.allowed_addresses) or "anywhere",
        "rate limit": facts["rate_limit"],
        "created": exact(token.created_at),
        "expires": exact(token.expires_at),
        "revoked": exact(token.revoked_at),
        "last used": exact(token.last_used_at) or "never",
    }
    return Printed("\n".join(f"{name + ':':<19}{value}" for name, value in shown.items() if value))


def day(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}" if at else "never"
