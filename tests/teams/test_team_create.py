"""GET and POST /settings/teams/new/"""

import pytest
from django.test import Client

from accounts.models import User
from tokens.models import Event, Team
from tokens.models.team import MAX_MANAGED_TEAMS
from tokens.teams.forms import suggested_slug

PATH = "/settings/teams/new/"


def test_makes_a_team(owner: User, owner_client: Client) -> None:
    response = owner_client.post(PATH, {"name": "Billing CI", "slug": ""})
    assert response["Location"] == "/settings/teams/billing-ci/"
    team = Team.objects.get()
    assert (team.name, team.memberships.get().user, team.memberships.get().role) == (
        "Billing CI", owner, "manager",
    )  # fmt: skip
    assert not team.account.can_sign_in
    events = Event.objects.filter(kind="team_made").order_by("owner_id")
    assert {event.owner_id for event in events} == {owner.pk, team.account_id}
    assert {event.who for event in events} == {"you", "owner@example.com"}


def test_a_short_name_of_ones_own(owner_client: Client) -> None:
    owner_client.post(PATH, {"name": "Billing CI", "slug": "pay"})
    assert Team.objects.get().pk == "pay"


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Billing CI", "billing-ci"),
        ("  2 Café_und mehr  ", "cafe-und-mehr"),
        ("42", ""),
        ("команда", ""),
        ("a" * 39 + " b", "a" * 39),
    ],
)
def test_the_suggested_short_name(name: str, slug: str) -> None:
    assert suggested_slug(name) == slug


def test_the_form_suggests_while_somebody_types(owner_client: Client) -> None:
    form = owner_client.get(PATH, {"name": "Billing CI", "slug": ""}).context["form"]
    assert form["slug"].value() == "billing-ci"
    form = owner_client.get(PATH, {"name": "Billing CI", "slug": "pay"}).context["form"]
    assert form["slug"].value() == "pay"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": "", "slug": ""}, "name"),
        ({"name": "\u200b", "slug": "a"}, "name"),
        ({"name": "команда", "slug": ""}, "slug"),
        ({"name": "A", "slug": "Upper"}, "slug"),
        ({"name": "A", "slug": "a--b"}, "slug"),
        ({"name": "A", "slug": "new"}, "slug"),
        ({"name": "A", "slug": "a" * 41}, "slug"),
        ({"name": "A" * 101, "slug": "a"}, "name"),
    ],
)
def test_what_is_wrong(owner_client: Client, typed: dict[str, str], field: str) -> None:
    response = owner_client.post(PATH, typed)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert not Team.objects.exists()


def test_a_taken_short_name(team: Team, owner_client: Client) -> None:
    response = owner_client.post(PATH, {"name": "Mine", "slug": team.pk})
    assert response.context["form"].errors == {
        "slug": ["The short name “billing-ci” is taken. Choose another."]
    }
    assert Team.objects.count() == 1
    assert User.objects.filter(can_sign_in=False).count() == 1


def test_a_person_manages_only_so_many(owner: User, owner_client: Client) -> None:
    for number in range(MAX_MANAGED_TEAMS):
        Team.make(f"team-{number}", "Team", {owner: "manager"}, None)
    response = owner_client.post(PATH, {"name": "One more", "slug": ""})
    assert response.status_code == 422
    assert "A person manages at most 20 teams." in response.content.decode()
    assert Team.objects.count() == MAX_MANAGED_TEAMS


def test_stranger(stranger_client: Client) -> None:
    assert stranger_client.post(PATH, {"name": "Billing"}).status_code == 302
    assert not Team.objects.exists()
