"""`manage.py token list` and `manage.py token show`.

They never show the value of a token, because the value is not stored.
"""

from argparse import ArgumentParser
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.template.defaultfilters import pluralize

from tokens.core.text import format_table, one_line
from tokens.management.action import (
    Options,
    Printed,
    format_instant,
    to_json,
    token_by_identifier,
)
from tokens.management.owners import add_owner_arguments, owner_of_options
from tokens.management.token_facts import token_as_dict
from tokens.models import Token, owner_name
from tokens.token_settings import token_settings

HEADINGS = [
    "IDENTIFIER", "NAME", "OWNER", "ENVIRONMENT", "STATUS", "CREATED", "EXPIRES", "LAST USED",
]  # fmt: skip


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `token list`."""
    add_owner_arguments(
        parser, "only the tokens of this person", "only the tokens of this team", needed=False
    )
    parser.add_argument(
        "--over-policy",
        action="store_true",
        help="only active tokens with a lifetime longer than MAX_TOKEN_LIFETIME_DAYS",
    )
    parser.add_argument(
        "--imported",
        action="store_true",
        help="only tokens of other programs that still work with their old values",
    )


def run_list(options: Options) -> Printed:
    """Return a table of tokens, or JSON, ordered by owner, then newest first.

    Raise CommandError if the account is unknown, or if --over-policy has no maximum to compare
    with.
    """
    name = f"owner__{get_user_model().USERNAME_FIELD}"
    tokens: Any = Token.objects.select_related("owner__token_leaver").order_by(
        name, "-created_at", "-pk"
    )
    if owner := owner_of_options(options):
        tokens = tokens.owned_by(owner)
    if options["over_policy"]:
        if token_settings.MAX_TOKEN_LIFETIME_DAYS is None:
            raise CommandError("MAX_TOKEN_LIFETIME_DAYS is not set, so no lifetime is too long.")
        tokens = tokens.exceeding_max_lifetime()
    if options["imported"]:
        tokens = tokens.active().filter(imported__isnull=False)
    if options["json"]:
        return Printed(to_json([token_as_dict(token) for token in tokens]))
    if not tokens:
        return Printed("No imported tokens are left." if options["imported"] else "No tokens.")
    note = count_imported(tokens) if options["imported"] else prefix_warning(tokens)
    return Printed(format_table(HEADINGS, [table_row(token) for token in tokens]), note)


def count_imported(tokens: Collection[Token]) -> str:
    """Return in words how many of these imported tokens were renewed, and how many were not."""
    renewed = sum(token.renewed_at is not None for token in tokens)
    return (
        f"{len(tokens)} imported token{pluralize(len(tokens))} still "
        f"work{pluralize(len(tokens), 's,')}: {len(tokens) - renewed} to renew, and {renewed} "
        "renewed already."
    )


def prefix_warning(tokens: Iterable[Token]) -> str:
    """Return a warning about active tokens that begin with a prefix not in TOKEN_PREFIX, or "".

    Requests with these tokens are refused until the operator corrects the setting.
    """
    needed = {token.identifier.partition("_")[0] for token in tokens if token.is_revocable}
    lacking = ", ".join(sorted(needed.difference(token_settings.PREFIX)))
    if not lacking:
        return ""
    return f"TOKEN_PREFIX lacks {lacking}: requests with tokens that begin like this are refused."


def table_row(token: Token) -> list[str]:
    """Return the cells of the row about `token`, in the order of HEADINGS."""
    return [
        token.identifier,
        one_line(token.name, 30),
        owner_name(token),
        token.get_environment_display(),
        token.status.label,
        format_day(token.created_at),
        format_day(token.expires_at),
        format_day(token.last_used_at),
    ]


def show_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `token show`."""
    parser.add_argument(
        "identifier", metavar="IDENTIFIER", help="the first 24 characters of the token"
    )


def run_show(options: Options) -> Printed:
    """Return the facts about one token, each in a line, or as JSON.

    Raise CommandError if there is no token with the given identifier.
    """
    token = token_by_identifier(options["identifier"])
    facts = token_as_dict(token)
    if options["json"]:
        return Printed(to_json(facts))
    shown = {
        "identifier": token.identifier,
        "name": one_line(token.name),
        "description": one_line(token.description, 200) if token.description else "",
        "owner": owner_name(token),
        "environment": token.get_environment_display(),
        "status": token.status.label,
        "scopes": " ".join(token.scopes) or "none",
        "allowed addresses": " ".join(token.allowed_addresses) or "anywhere",
        "rate limit": facts["rate_limit"],
        "created": format_instant(token.created_at),
        "expires": format_instant(token.expires_at),
        "revoked": format_instant(token.revoked_at),
        "last used": format_instant(token.last_used_at) or "never",
    }
    return Printed("\n".join(f"{name + ':':<19}{value}" for name, value in shown.items() if value))


def format_day(at: datetime | None) -> str:
    """Return the day of `at` in UTC, such as "2026-11-24"; "never" for None."""
    return f"{at.astimezone(UTC):%Y-%m-%d}" if at else "never"
