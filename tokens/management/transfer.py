"""`manage.py token transfer`: hand tokens over to a team or a person. Nobody is asked."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction
from django.template.defaultfilters import pluralize

from tokens.core.text import one_line
from tokens.forms.transfer import TEAM_PREFIX, transfer_error
from tokens.management.action import (
    Options,
    Printed,
    to_json,
    token_by_identifier,
    user_by_name,
)
from tokens.management.token_facts import token_as_dict
from tokens.models import Team, Token
from tokens.models.transfer import TRANSFER_ERRORS, hand_over


def transfer_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `token transfer`."""
    parser.add_argument(
        "identifier", metavar="IDENTIFIER", nargs="?", help="the first 24 characters of a token"
    )
    parser.add_argument(
        "--from",
        dest="giver",
        metavar="OWNER",
        help="instead of an identifier: all tokens of this owner that still work",
    )
    parser.add_argument(
        "--to", dest="receiver", metavar="OWNER", required=True,
        help="the new owner: team:SLUG, or the email address of a person",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")


def run_transfer(options: Options) -> Printed:
    """Hand the tokens over, or with --dry-run only say which. Return what to print.

    Raise CommandError and hand nothing over if that is impossible.
    """
    if bool(options["identifier"]) == bool(options["giver"]):
        raise CommandError("Give either the identifier of a token, or --from with its owner.")
    if options["identifier"]:
        chosen = [token_by_identifier(options["identifier"])]
    else:
        giver = account_by_name(options["giver"])
        chosen = list(Token.objects.owned_by(giver).active().order_by("pk"))
        if not chosen:
            raise CommandError(f"No token of {options['giver']} works. Nothing was handed over.")
    receiver = account_by_name(options["receiver"])
    if chosen[0].owner_id == receiver.pk:
        raise CommandError(f"{options['receiver']} is the owner already.")
    try:
        with transaction.atomic():
            moved = hand_over(chosen, receiver)
            if options["dry_run"]:
                transaction.set_rollback(True)
    except TRANSFER_ERRORS as error:
        raise CommandError(f"{transfer_error(error)} Nothing was handed over.") from None
    if options["json"]:
        return Printed(to_json([token_as_dict(token) for token in moved]))
    return Printed("\n".join([*map(in_one_line, moved), result(moved, options)]))


def account_by_name(name: str) -> Any:
    """Return the account of an owner: `name` is "team:billing-ci", or the name of a person.

    Raise CommandError if there is none.
    """
    if not name.startswith(TEAM_PREFIX):
        return user_by_name(name)
    slug = name.removeprefix(TEAM_PREFIX)
    team = Team.objects.select_related("account").filter(pk=slug).first()
    if team is None:
        raise CommandError(f"There is no team {slug}. `team list` shows all teams.")
    return team.account


def in_one_line(token: Token) -> str:
    """Return the identifier and name of `token`, for a line of the output."""
    return f"{token.identifier}  {one_line(token.name)}"


def result(moved: list[Token], options: Options) -> str:
    """Return a sentence that says how many tokens were, or would be, handed over."""
    count, to = len(moved), options["receiver"]
    if options["dry_run"]:
        return f"{count} token{pluralize(count)} would be handed over to {to}."
    return (
        f"{count} token{pluralize(count)} {pluralize(count, 'is,are')} handed over to {to}. "
        "The values are the same as before."
    )
