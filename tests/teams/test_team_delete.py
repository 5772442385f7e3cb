"""GET and POST /settings/teams/<slug>/delete/"""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from tests.conftest import page_of, signed_in
from tokens.models import Event, Membership, Team, Token

PATH = "/settings/teams/billing-ci/delete/"
Clients = Callable[[str], Client]


def test_the_page_names_the_tokens_that_end(team_token: Token, clients: Clients) -> None:
    page = page_of(clients("manager").get(PATH))
    for words in (
        "Deploy",
        team_token.identifier,
        "1 active token of the team is revoked",
        "2 members",
    ):
        assert words in page


@pytest.mark.parametrize("method", ["get", "head", "post"])
def test_a_member_may_not(team: Team, clients: Clients, method: str) -> None:
    assert getattr(clients("member"), method)(PATH).status_code == 403
    assert Team.objects.exists()


def test_needs_fresh_authentication(team: Team, manager: User) -> None:
    response = signed_in(manager, seconds_ago=3600).post(PATH)
    assert "reauthenticate" in response["Location"]
    assert Team.objects.exists()


def test_deletes_the_team_and_keeps_the_events(
    team_token: Token, manager: User, clients: Clients
) -> None:
    account = team_token.owner_id
    response = clients("manager").post(PATH, follow=True)
    assert "The team “Billing CI” is deleted. 1 token revoked." in page_of(response)
    assert not Team.objects.exists()
    assert not Membership.objects.exists()
    assert not User.objects.filter(pk=account).exists()
    assert not Token.objects.exists()
    events = Event.objects.filter(identifier=team_token.identifier)
    assert {(event.kind, event.owner_id) for event in events} == {
        ("created", None), ("revoked", None),
    }  # fmt: skip
    assert events.get(kind="revoked").actor == manager
    deleted = Event.objects.filter(kind="team_deleted").order_by("owner_id")
    assert {event.owner.email: event.who for event in deleted if event.owner} == {
        "manager@example.com": "you", "member@example.com": "Mia Manager",
    }  # fmt: skip


def test_a_team_without_tokens(team: Team, clients: Clients) -> None:
    assert "The team has no active tokens." in page_of(clients("manager").get(PATH))
    clients("manager").post(PATH)
    assert not Team.objects.exists()
    assert clients("manager").post(PATH).status_code == 404
