"""`manage.py team create` and `manage.py team list`."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db.models import Count, Q, QuerySet
from django.template.defaultfilters import pluralize
from django.utils import timezone

from tokens.core.text import format_table, one_line
from tokens.management.action import Options, Printed, to_json, user_by_name
from tokens.management.owners import ensure_teams
from tokens.models import Membership, Team, TeamChangeRefused

TEAM_HEADINGS = ["SLUG", "NAME", "MANAGERS", "MEMBERS", "WORKING TOKENS"]


def create_team_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `team create`."""
    parser.add_argument(
        "slug", metavar="SLUG", help="the short name, such as billing-ci; it never changes"
    )
    parser.add_argument("--name", help="the name that people see (default: the short name)")
    for role, text in (
        ("member", "a person who acts for the team"),
        ("manager", "a member who also changes who is in the team (default: the first --member)"),
    ):
        parser.add_argument(
            f"--{role}", action="extend", nargs="+", default=[], metavar="EMAIL", help=text
        )


def run_create_team(options: Options) -> Printed:
    """Make a team. Raise CommandError and make nothing if an option is wrong."""
    ensure_teams()
    emails = [*options["manager"], *options["member"]]
    if not emails:
        raise CommandError("Name at least one person: --member EMAIL, or --manager EMAIL.")
    people = {email: member_by_name(email) for email in emails}
    managers = {people[email].pk for email in options["manager"] or emails[:1]}
    members = {
        person: Membership.Role.MANAGER if person.pk in managers else Membership.Role.MEMBER
        for person in people.values()
    }
    try:
        team = Team.make(options["slug"], options["name"] or options["slug"], members)
    except ValidationError as error:
        raise CommandError(f"{' '.join(error.messages)} No team was made.") from None
    except TeamChangeRefused as error:
        raise CommandError(f"{error} No team was made.") from None
    if options["json"]:
        return Printed(to_json(team_as_dict(counted_teams().get(pk=team.pk))))
    count = len(members)
    return Printed(
        f"Made the team {team.pk} with {count} member{pluralize(count)}. "
        f"Its first token: manage.py token create --owner team:{team.pk} --name NAME"
    )


def member_by_name(email: str) -> Any:
    """Return the account of a person who can become a member. Raise CommandError if there is none.

    The account of a team can't become a member, and an account that is switched off can't either.
    """
    try:
        person = user_by_name(email)
    except CommandError as error:
        raise CommandError(f"{error} No team was made.") from None
    if hasattr(person, "token_team"):
        raise CommandError(f"{email} is the account of a team, not of a person. No team was made.")
    if not person.is_active:
        raise CommandError(f"The account {email} is switched off. No team was made.")
    return person


def list_teams_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `team list`: there are none."""


def run_list_teams(options: Options) -> Printed:
    """Return a table of all teams, or JSON, ordered by short name."""
    ensure_teams()
    teams = [team_as_dict(team) for team in counted_teams()]
    if options["json"]:
        return Printed(to_json(teams))
    if not teams:
        return Printed("No teams.")
    lonely = ", ".join(Team.objects.without_manager().order_by("pk").values_list("pk", flat=True))
    note = f"Without a manager who can sign in: {lonely}." if lonely else ""
    return Printed(format_table(TEAM_HEADINGS, [team_row(team) for team in teams]), note)


def counted_teams() -> QuerySet[Team, Any]:
    """Return all teams with their members. `working_tokens` counts the tokens that work."""
    works = Q(token__revoked_at=None, token__expires_at__gt=timezone.now())
    return (
        Team.objects.annotate(working_tokens=Count("token", filter=works))
        .prefetch_related("memberships__user")
        .order_by("pk")
    )


def team_as_dict(team: Any) -> dict[str, Any]:
    """Return the facts about a team of `counted_teams` for JSON."""
    memberships = sorted(team.memberships.all(), key=lambda each: each.user.get_username())
    return {
        "slug": team.pk,
        "name": team.name,
        "created_at": team.created_at,
        "members": [
            {"user": each.user.get_username(), "role": each.role, "is_active": each.user.is_active}
            for each in memberships
        ],
        "working_tokens": team.working_tokens,
    }


def team_row(team: dict[str, Any]) -> list[str]:
    """Return the cells of the row about a team, in the order of TEAM_HEADINGS."""
    managers = [
        member["user"]
        for member in team["members"]
        if member["role"] == Membership.Role.MANAGER and member["is_active"]
    ]
    return [
        team["slug"],
        one_line(team["name"], 30),
        ", ".join(managers) or "none",
        str(len(team["members"])),
        str(team["working_tokens"]),
    ]
