"""How commands find the owner of tokens: `--user` names a person, `--owner` a team."""

from argparse import ArgumentParser
from difflib import get_close_matches
from typing import Any

from django.core.management.base import CommandError

from tokens.management.action import Options, user_by_name
from tokens.models import TEAM, Team
from tokens.token_settings import token_settings

OWNER_FORM = f"{TEAM}SLUG"


def add_owner_arguments(parser: ArgumentParser, person: str, team: str, *, needed: bool) -> None:
    """Add `--user` and `--owner`, with these help texts. At most one may be given.

    If `needed`, one of the two must be given.
    """
    group = parser.add_mutually_exclusive_group(required=needed)
    group.add_argument("--user", metavar="EMAIL", help=person)
    group.add_argument("--owner", metavar=OWNER_FORM, help=team)


def owner_of_options(options: Options) -> Any:
    """Return the account that `--user` or `--owner` names, or None without both.

    Raise CommandError if there is no such account.
    """
    if options["owner"] is not None:
        return team_by_owner(options["owner"]).account
    return user_by_name(options["user"]) if options["user"] is not None else None


def team_by_owner(text: str) -> Team:
    """Return the team that a text such as "team:billing-ci" names.

    Raise CommandError if the text has another form, or if there is no such team.
    """
    ensure_teams()
    if not text.startswith(TEAM):
        raise CommandError(f"--owner is “{text}”; it takes {OWNER_FORM}. For a person: --user.")
    slug = text.removeprefix(TEAM)
    team = Team.objects.select_related("account").filter(pk=slug).first()
    if team is None:
        near = get_close_matches(slug, Team.objects.values_list("pk", flat=True), 1)
        meant = f"Did you mean {TEAM}{near[0]}?" if near else "`team list` shows all teams."
        raise CommandError(f"No team has the short name {slug}. {meant}")
    return team


def ensure_teams() -> None:
    """Raise CommandError if there are no teams here."""
    if token_settings.TEAM_USER is None:
        raise CommandError("There are no teams here, because TOKENRY['TEAM_USER'] is not set.")
