"""Whose tokens a page shows: those of the person, or those of a team of the person.

The parameter `owner` of the URL names a team by its short name. Without it, the page shows the
person's own tokens.
"""

from typing import NamedTuple

from django.contrib.auth.base_user import AbstractBaseUser
from django.urls import reverse

from tokens.authentication.requests import PageRequest
from tokens.models import Team, Token
from tokens.token_settings import token_settings


class PageOwner(NamedTuple):
    """Whose tokens a page shows. `team` is None if they are the person's own."""

    account: AbstractBaseUser
    team: Team | None = None

    @classmethod
    def of(cls, token: Token) -> "PageOwner":
        """Return the owner of `token`."""
        return cls(token.owner, token.team)

    @property
    def slug(self) -> str:
        """Return the short name of the team, or "" for the person's own tokens."""
        return self.team.pk if self.team else ""

    def query_with(self, more: str = "") -> str:
        """Return a query string with the owner and `more`, which is a query string too.

        It begins with no question mark. It is "" if there is nothing to say.
        """
        return "&".join(filter(None, [self.slug and f"owner={self.slug}", more]))

    @property
    def query(self) -> str:
        """Return what follows the path of a page of this owner: "?owner=billing-ci", or ""."""
        return f"?{self.query_with()}" if self.team else ""

    @property
    def subject(self) -> str:
        """Return the owner as the subject of a sentence: “You have”, or “The team has”."""
        return "The team has" if self.team else "You have"

    @property
    def list_url(self) -> str:
        """Return the path and the query string of the list of this owner's tokens."""
        return reverse("tokens:list") + self.query


class OwnerRequest(PageRequest):
    """A request for a page of one owner's tokens: see the decorators in views/guards.py."""

    page_owner: PageOwner


class OwnerLink(NamedTuple):
    """A link of the switch above a page. `current` is True for the owner that the page shows."""

    label: str
    query: str
    current: bool


def owner_links(person: AbstractBaseUser, shown: PageOwner) -> list[OwnerLink]:
    """Return the links of the switch “Mine / Billing CI”; none if the person has no team."""
    if not token_settings.TEAM_USER:
        return []
    teams = list(Team.objects.of(person))
    mine = OwnerLink("Mine", "", not shown.team)
    return [mine, *(team_link(team, shown) for team in teams)] if teams else []


def team_link(team: Team, shown: PageOwner) -> OwnerLink:
    """Return the link of the switch that shows the tokens of `team`."""
    return OwnerLink(team.name, f"?owner={team.pk}", team == shown.team)
