"""GET and POST /settings/teams/"""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.conftest import page_of, signed_in
from tokens.models import Actor, Event, Invitation, Membership, Team, Token
from tokens.token_settings import TokenSettings

PATH = "/settings/teams/"
Clients = Callable[[str], Client]


def test_without_a_team(clients: Clients) -> None:
    page = page_of(clients("outsider").get(PATH))
    for words in ("You are in no team yet", "outlive a person", 'href="/settings/teams/new/"'):
        assert words in page


@pytest.mark.parametrize(("role", "badge"), [("manager", "Manager"), ("member", "Member")])
def test_own_teams(team_token: Token, clients: Clients, role: str, badge: str) -> None:
    page = page_of(clients(role).get(PATH))
    for words in (
        '<a href="/settings/teams/billing-ci/">Billing CI</a>',
        f'<span class="badge">{badge}</span>',
        "1 active token ",
        'href="/settings/tokens/?owner=billing-ci"',
        'href="/settings/teams/" aria-current="page"',
    ):
        assert words in page


def test_others_see_no_team(team: Team, clients: Clients) -> None:
    assert "Billing CI" not in page_of(clients("outsider").get(PATH))


@pytest.fixture
def invited(team: Team, manager: User, outsider: User) -> Team:
    team.invite("Outsider@Example.com", "manager", Actor(user=manager))
    return team


def test_an_invitation_is_shown_and_accepted(invited: Team, outsider: User) -> None:
    client = signed_in(outsider)
    page = page_of(client.get(PATH))
    assert "as a manager" in page
    assert "by <bdi>Mia Manager</bdi>" in page
    response = client.post(PATH, {"team": "billing-ci", "answer": "accept"}, follow=True)
    assert response.redirect_chain == [(f"{PATH}billing-ci/", 302)]
    assert invited.memberships.get(user=outsider).role == "manager"
    assert not Invitation.objects.exists()
    joined = Event.objects.filter(kind="team_joined", actor=outsider)
    assert {(event.owner_id, event.detail, event.who) for event in joined} == {
        (invited.account_id, "outsider@example.com: manager", "outsider@example.com"),
        (outsider.pk, "Billing CI (billing-ci): manager", "you"),
    }


def test_an_invitation_is_declined(invited: Team, outsider: User) -> None:
    response = signed_in(outsider).post(PATH, {"team": "billing-ci", "answer": "decline"})
    assert response["Location"] == PATH
    assert not Membership.objects.filter(user=outsider).exists()
    assert not Invitation.objects.exists()
    assert Event.objects.filter(kind="team_declined", owner=invited.account).count() == 1


@pytest.mark.parametrize("slug", ["billing-ci", "absent", "", "\0"])
def test_only_the_invited_person_answers(invited: Team, clients: Clients, slug: str) -> None:
    response = clients("member").post(PATH, {"team": slug, "answer": "accept"})
    assert response.status_code == 404
    assert Invitation.objects.count() == 1


@pytest.mark.parametrize("method", ["get", "head", "post"])
def test_stranger(clients: Clients, method: str) -> None:
    assert getattr(clients("nobody"), method)(PATH).status_code == 302


@pytest.mark.parametrize("name", ["list", "create", "team", "delete"])
@pytest.mark.parametrize("method", ["get", "head", "post"])
def test_where_teams_are_off(
    team: Team, clients: Clients, token_settings: TokenSettings, name: str, method: str
) -> None:
    token_settings.TEAM_USER = None
    arguments = [team.pk] if name in {"team", "delete"} else []
    path = reverse(f"token_teams:{name}", args=arguments)
    assert getattr(clients("manager"), method)(path).status_code == 404
