"""Teams for tests: a team with its account and its members."""

from typing import Any

from accounts.teams import make_team_account
from tokens.models import Membership, Team


def make_team(slug: str, *members: Any, managers: tuple[Any, ...] = ()) -> Team:
    """Make a team with these members and managers. Return it; `team.account` owns its tokens."""
    team = Team.objects.create(slug=slug, name=slug, account=make_team_account(slug, slug))
    for person in (*members, *managers):
        role = Membership.Role.MANAGER if person in managers else Membership.Role.MEMBER
        Membership.objects.create(team=team, user=person, role=role)
    return team
