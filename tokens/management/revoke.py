"""`manage.py token revoke`, for tokens of any owner."""

from argparse import ArgumentParser
from typing import Any, NamedTuple

from django.core.management.base import CommandError
from django.template.defaultfilters import pluralize

from tokens.management.action import (
    Options,
    Printed,
    format_instant,
    to_json,
    token_by_identifier,
)
from tokens.management.by_pepper import pepper_number, revoke_by_pepper
from tokens.management.token_facts import token_as_dict
from tokens.models import Token


def revoke_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `token revoke`."""
    parser.add_argument(
        "identifiers", metavar="IDENTIFIER", nargs="*", help="the first 24 characters of a token"
    )
    parser.add_argument(
        "--include-made",
        action="store_true",
        help="also revoke the tokens that were made with these tokens, directly or indirectly",
    )
    parser.add_argument(
        "--pepper",
        type=pepper_number,
        metavar="N",
        help=(
            "instead of identifiers: revoke all tokens that still work and whose digest uses "
            "the pepper with this number"
        ),
    )
    parser.add_argument("--yes", action="store_true", help="with --pepper: do not ask first")


def run_revoke(options: Options) -> Printed:
    """Revoke the named tokens, or with --pepper all tokens that use this pepper (a secret key).

    Return what to print. Raise CommandError and revoke nothing if a named token is not found.
    """
    if bool(options["identifiers"]) == bool(options["pepper"]):
        raise CommandError("Give either identifiers of tokens, or --pepper with a number.")
    if options["pepper"]:
        if options["include_made"]:
            raise CommandError("--include-made goes with identifiers, not with --pepper.")
        return revoke_by_pepper(options)
    try:
        identifiers = dict.fromkeys(options["identifiers"])
        tokens = [token_by_identifier(identifier) for identifier in identifiers]
    except CommandError as error:
        raise CommandError(f"{error} Nothing was revoked.") from None
    results = [revoke_one(token, include_made=options["include_made"]) for token in tokens]
    if options["json"]:
        return Printed(to_json([token_as_dict(result.token) | result.facts for result in results]))
    return Printed("\n".join(result.words for result in results))


class RevokeResult(NamedTuple):
    """What happened when `token` was revoked.

    `now` is False if the token had been revoked before. Of the tokens that were made with
    `token`, directly or indirectly, `made_revoked` were revoked too, and `made_working` still
    work.
    """

    token: Token
    now: bool
    made_revoked: int
    made_working: int

    @property
    def facts(self) -> dict[str, Any]:
        """Return the result as a dictionary for JSON."""
        return {
            "revoked_now": self.now,
            "made_revoked": self.made_revoked,
            "made_working": self.made_working,
        }

    @property
    def words(self) -> str:
        """Return the result as one line of text for a person."""
        identifier = self.token.identifier
        words = f"{identifier} is revoked: requests with it fail from now on."
        if not self.now:
            words = (
                f"{identifier} was revoked already, on {format_instant(self.token.revoked_at)}."
            )
        if count := self.made_revoked:
            are = pluralize(count, "is,are")
            words += f" {count} token{pluralize(count)} made with it {are} revoked too."
        if count := self.made_working:
            works, them = pluralize(count, "works,work"), pluralize(count, "it,them")
            words += f" {count} token{pluralize(count)} made with it still {works}:"
            words += f" --include-made revokes {them} too."
        return words


def revoke_one(token: Token, *, include_made: bool) -> RevokeResult:
    """Revoke `token`, and with `include_made` also all tokens made with it, in one transaction.

    Afterwards `token.revoked_at` is set, even if somebody else revoked the token first.
    """
    with Token.objects.locked_for(token.owner_id):
        now = token.revoke()
        made_revoked = token.revoke_made() if include_made else 0
    token.refresh_from_db(fields=["revoked_at"])
    return RevokeResult(token, now, made_revoked, token.active_descendants.count())
