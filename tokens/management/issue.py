"""`manage.py token create` and `manage.py token renew`, for tokens of any owner.

The commands check the same things as the forms of the pages.
"""

from argparse import ArgumentParser
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.template.defaultfilters import pluralize
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from tokens.authentication.credentials import Credential
from tokens.core.lifetimes import DEFAULT_LIFETIME, DEFAULT_OVERLAP, LIFETIMES, OVERLAPS, Lifetime
from tokens.core.text import one_line
from tokens.forms.tokens import TokenForm, default_lifetime, environments, lifetimes, limit_message
from tokens.management.action import (
    Options,
    Printed,
    format_instant,
    to_json,
    token_by_identifier,
)
from tokens.management.owners import add_owner_arguments, owner_of_options
from tokens.management.token_facts import token_as_dict
from tokens.models import (
    AlreadyRenewed,
    Environment,
    LifetimeTooLong,
    PolicyBroken,
    Scope,
    ScopeNotAllowed,
    Status,
    Token,
    TokenLimitReached,
    TokenRevoked,
    account_name,
    owner_name,
)
from tokens.token_settings import token_settings

T = TypeVar("T")


def create_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `token create`."""
    add_owner_arguments(parser, "the owner of the token", "the team that owns it", needed=True)
    parser.add_argument(
        "--name", required=True, help="the program that uses the token, such as “Production API”"
    )
    parser.add_argument(
        "--description",
        metavar="TEXT",
        default="",
        help="the purpose of the token, and the person to ask when it fails",
    )
    parser.add_argument("--environment", help=f"{join_or(Environment.values)} (default: live)")
    add_expires_argument(parser)
    parser.add_argument(
        "--scope",
        action="extend",
        nargs="+",
        default=[],
        metavar="SCOPE",
        help="what the token may do, such as reports:read",
    )
    parser.add_argument(
        "--address",
        action="extend",
        nargs="+",
        default=[],
        metavar="CIDR",
        help=(
            "addresses from which the token may be used, such as 203.0.113.7 or 10.0.0.0/8 "
            "(default: all)"
        ),
    )


def renew_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `token renew`."""
    parser.add_argument(
        "identifier", metavar="IDENTIFIER", help="the first 24 characters of the token to renew"
    )
    add_expires_argument(parser)
    parser.add_argument(
        "--overlap",
        default=DEFAULT_OVERLAP,
        help=(
            f"how long the old token works beside the new token: {join_or(OVERLAPS)} "
            f"(default: {DEFAULT_OVERLAP})"
        ),
    )


def add_expires_argument(parser: ArgumentParser) -> None:
    """Add the option `--expires` to `parser`."""
    parser.add_argument(
        "--expires",
        help=f"when the token expires: after {join_or(LIFETIMES)} (default: {DEFAULT_LIFETIME})",
    )


@sensitive_variables("new")
def run_create(options: Options) -> Printed:
    """Create a token. Return its value, to be printed.

    Raise CommandError if an option is wrong, or if the owner may not have such a token.
    """
    owner = owner_of_options(options)
    ensure_active(owner)
    fields = TokenForm.base_fields
    try:
        token, new = Token.objects.issue(
            owner=owner,
            name=clean_option("--name", fields["name"], options["name"]),
            description=clean_option(
                "--description", fields["description"], options["description"]
            ),
            environment=parse_environment(options["environment"]),
            expires_at=parse_lifetime(options["expires"]).end(timezone.now()),
            scopes=options["scope"],
            allowed_addresses=clean_option(
                "--address", fields["allowed_addresses"], "\n".join(options["address"])
            ),
        )
    except ScopeNotAllowed as error:
        raise CommandError(scope_error(owner, error.names)) from None
    except (TokenLimitReached, LifetimeTooLong) as error:
        raise CommandError(limit_error(owner, error)) from None
    except PolicyBroken as error:
        raise CommandError(str(error)) from None
    return print_new_token(token, new, f"Created {describe(token)}.", options)


@sensitive_variables("new")
def run_renew(options: Options) -> Printed:
    """Renew a token: make a new token that replaces it. Return the value of the new token.

    Raise CommandError if an option is wrong, or if the token can't be renewed.
    """
    old = token_by_identifier(options["identifier"])
    ensure_active(old.owner)
    overlap = pick("--overlap", options["overlap"], OVERLAPS)
    try:
        successor, new = Token.objects.renew(
            old,
            expires_at=parse_lifetime(options["expires"]).end(timezone.now()),
            overlap=overlap.length,
        )
    except TokenRevoked:
        raise CommandError(
            f"{old.identifier} is revoked, which can't be undone. Create another token."
        ) from None
    except AlreadyRenewed as error:
        raise CommandError(
            f"{old.identifier} was renewed already: {error.successor.identifier} replaces it. "
            f"Renew {error.successor.identifier}. If the value of that token was lost, revoke "
            f"that token, and renew {old.identifier} again."
        ) from None
    except (TokenLimitReached, LifetimeTooLong) as error:
        raise CommandError(limit_error(old.owner, error)) from None
    except PolicyBroken as error:
        raise CommandError(str(error)) from None
    still = (
        f"works until {format_instant(old.expires_at)}"
        if old.status == Status.RETIRING
        else "no longer works"
    )
    note = f"Renewed {old.identifier}, which {still}.\nThe new token is {describe(successor)}."
    return print_new_token(successor, new, note, options)


def print_new_token(token: Token, new: Credential, note: str, options: Options) -> Printed:
    """Return the output about a new token: its value, alone or in JSON. `note` is for people."""
    if options["json"]:
        return Printed(to_json({"token": new.value, **token_as_dict(token)}))
    if token.pending_scope:
        note += f"\nWaits for approval: {', '.join(token.pending_scopes)}."
    return Printed(new.value, f"{note}\nKeep the value: you won't be able to see it again.")


def describe(token: Token) -> str:
    """Return the identifier, name, owner, environment and expiry of `token` in words."""
    who = f"{token.identifier}, “{one_line(token.name)}” of {owner_name(token)}"
    until = format_instant(token.expires_at)
    return f"{who}, for {token.get_environment_display()}, until {until}"


def clean_option(option: str, field: Any, value: str) -> Any:
    """Check `value` with the form field of the page, and return the cleaned value.

    Raise CommandError with the error of the field, and with the name of the option.
    """
    try:
        return field.clean(value)
    except ValidationError as error:
        raise CommandError(f"{option}: {' '.join(error.messages)}") from None


def pick(option: str, key: str, known: Mapping[str, T]) -> T:
    """Return `known[key]`. Raise CommandError, which lists the known keys, if `key` is unknown.

    `option` is the name of the option in that message.
    """
    if key not in known:
        raise CommandError(f"{option} is “{key}”; it takes {join_or(known)}.")
    return known[key]


def join_or(keys: Collection[str]) -> str:
    """Return `keys` as text, such as “live, test or dev”."""
    *others, last = keys
    return f"{', '.join(others)} or {last}" if others else last


def parse_environment(key: str | None) -> str:
    """Return the environment `key`, such as "live"; for None the first that is allowed here.

    Raise CommandError if this installation makes no tokens for the environment.
    """
    known = {key: key for key, _ in environments()}
    return next(iter(known)) if key is None else pick("--environment", key, known)


def parse_lifetime(key: str | None) -> Lifetime:
    """Return the lifetime that `key` names, such as "90d"; for None the form's default.

    Raise CommandError if the key is unknown, or if the lifetime is longer than the settings
    allow.
    """
    allowed, max_days = lifetimes(), token_settings.MAX_TOKEN_LIFETIME_DAYS
    if max_days is not None and key in LIFETIMES and key not in allowed:
        raise CommandError(
            f"{limit_message(LifetimeTooLong(max_days))} --expires takes {join_or(allowed)}."
        )
    return pick("--expires", default_lifetime() if key is None else key, allowed)


def ensure_active(owner: Any) -> None:
    """Raise CommandError if the owner's account is switched off.

    The server would refuse each request with a token of this owner.
    """
    if not owner.is_active:
        raise CommandError(
            f"The account {account_name(owner)} is switched off, so its tokens are refused. "
            "Switch it on first."
        )


def scope_error(owner: Any, names: Collection[str]) -> str:
    """Return the error text: `owner` can't give the scopes `names` to a token.

    The text also lists the scopes that the owner can give.
    """
    held = ", ".join(Scope.objects.held_by(owner).values_list("name", flat=True))
    return (
        f"{account_name(owner)} can't give a token the scope {join_or(names)}. "
        f"Scopes to choose from: {held or 'none'}."
    )


def limit_error(owner: Any, error: TokenLimitReached | LifetimeTooLong) -> str:
    """Return the error text for `error`: too many tokens, or too long a lifetime."""
    if isinstance(error, LifetimeTooLong):
        return limit_message(error)
    count = f"{error.limit} active token{pluralize(error.limit)}"
    return f"{account_name(owner)} has {count}, the most allowed. Revoke one first."
