"""The token pages of a team: ?owner=<slug>, and the pages of one token."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import page_of, signed_in
from tokens.models import Actor, Event, RecentRequest, Team, Token
from tokens.token_settings import TokenSettings

LIST = "/settings/tokens/"
OWNER = "owner=billing-ci"
NONCE = "n" * 22
GOOD = {"name": "Nightly", "environment": "live", "expires": "90d", "nonce": NONCE}
Clients = Callable[[str], Client]
PAGES = [
    LIST, f"{LIST}new/", f"{LIST}revoke-selected/", f"{LIST}revoke-all/", f"{LIST}calendar.ics",
    "/settings/activity/", "/settings/activity/export.csv", "/settings/activity/export.jsonl",
]  # fmt: skip
ONE_TOKEN = ["", "edit/", "narrow/", "renew/", "revoke/", "calendar.ics"]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("method", ["get", "head", "post"])
def test_whose_pages_a_person_sees(
    team: Team, clients: Clients, path: str, method: str, token_settings: TokenSettings
) -> None:
    for slug in (team.pk, "absent", "%00"):
        response = getattr(clients("outsider"), method)(f"{path}?owner={slug}")
        assert response.status_code == 404
        assert getattr(clients("nobody"), method)(f"{path}?owner={slug}").status_code == 302
    if method == "get":
        for role in ("member", "manager"):
            assert clients(role).get(f"{path}?{OWNER}").status_code == 200
        token_settings.TEAM_USER = None
        assert clients("member").get(f"{path}?{OWNER}").status_code == 404


@pytest.mark.parametrize("page", ONE_TOKEN)
@pytest.mark.parametrize("method", ["get", "head", "post"])
def test_whose_token_a_person_sees(
    team_token: Token, clients: Clients, page: str, method: str
) -> None:
    path = f"{team_token.get_absolute_url()}{page}"
    assert getattr(clients("outsider"), method)(path).status_code == 404
    assert getattr(clients("nobody"), method)(path).status_code == 302
    if method == "get":
        for role in ("member", "manager"):
            assert clients(role).get(path).status_code == 200


def test_a_former_member_is_a_stranger(
    team: Team, team_token: Token, member: User, clients: Clients
) -> None:
    team.remove(member.pk, None)
    assert clients("member").get(team_token.get_absolute_url()).status_code == 404
    assert clients("member").get(f"{LIST}?{OWNER}").status_code == 404


# The switch


def test_the_switch_marks_the_owner(team: Team, clients: Clients) -> None:
    for path in (LIST, f"{LIST}new/", "/settings/activity/"):
        mine = page_of(clients("member").get(path))
        theirs = page_of(clients("member").get(f"{path}?{OWNER}"))
        assert f'<a href="{path}" aria-current="true"><bdi>Mine</bdi></a>' in mine
        assert f'<a href="{path}?{OWNER}"><bdi>Billing CI</bdi></a>' in mine
        assert f'<a href="{path}?{OWNER}" aria-current="true"><bdi>Billing CI</bdi></a>' in theirs
        assert f'<a href="{path}"><bdi>Mine</bdi></a>' in theirs


def test_without_a_team_there_is_no_switch(
    team: Team, clients: Clients, token_settings: TokenSettings
) -> None:
    assert "<bdi>Mine</bdi>" not in page_of(clients("outsider").get(LIST))
    token_settings.TEAM_USER = None
    assert "<bdi>Mine</bdi>" not in page_of(clients("member").get(LIST))


# The list


def test_each_list_has_its_owners_tokens(
    team_token: Token, member: User, clients: Clients
) -> None:
    Token.objects.issue(
        owner=member, name="Laptop", environment="live",
        expires_at=timezone.now() + timedelta(days=3),
    )  # fmt: skip
    mine = page_of(clients("member").get(LIST))
    theirs = page_of(clients("member").get(f"{LIST}?{OWNER}&q=dep&status=active"))
    assert ("Laptop" in mine, "Deploy" in mine) == (True, False)
    assert ("Laptop" in theirs, "Deploy" in theirs) == (False, True)
    for part in (
        f"?{OWNER}&amp;q=dep&amp;status=expiring",  # a filter
        '<input type="hidden" name="owner" value="billing-ci">',  # search, sort, and selection
        f'href="{LIST}new/?{OWNER}"',
        "act as the team",
    ):
        assert part in theirs
    assert theirs.count('name="owner" value="billing-ci"') == 3


def test_an_empty_list_makes_tokens_of_the_team(team: Team, clients: Clients) -> None:
    page = page_of(clients("member").get(f"{LIST}?{OWNER}"))
    assert "The team has no tokens yet" in page
    assert f'action="{LIST}new/?{OWNER}"' in page


# Create, and change


def test_create(team: Team, member: User, clients: Clients) -> None:
    response = clients("member").post(f"{LIST}new/?{OWNER}", GOOD)
    assert response["HX-Replace-Url"] == f"{LIST}?{OWNER}"
    token = Token.objects.get()
    assert (token.owner, token.team) == (team.account, team)
    event = Event.objects.get(kind="created")
    assert (event.owner, event.actor, event.who) == (team.account, member, "Mo Member")
    page = page_of(clients("member").post(f"{LIST}new/?{OWNER}", GOOD))
    assert "This form was already sent" in page
    assert f'name="again" value="{OWNER}&amp;name=Nightly' in page
    again = {"again": f"{OWNER}&name=Nightly"}
    response = clients("member").post(f"{token.get_absolute_url()}revoke/", again)
    assert response["Location"] == f"{LIST}new/?{OWNER}&name=Nightly"


def test_to_confirm_keeps_the_owner(team: Team, member: User) -> None:
    response = signed_in(member, seconds_ago=3600).post(f"{LIST}new/?{OWNER}", GOOD)
    assert "reauthenticate" in response["Location"]
    assert "%3Fowner%3Dbilling-ci%26name%3DNightly" in response["Location"]
    assert not Token.objects.exists()


def test_the_limit_is_the_teams(
    team_token: Token, member: User, clients: Clients, token_settings: TokenSettings
) -> None:
    token_settings.MAX_TOKENS_PER_USER = 1
    response = clients("member").post(f"{LIST}new/?{OWNER}", GOOD)
    assert response.status_code == 422
    assert "The team has 1 active token, the most allowed." in page_of(response)
    assert clients("member").post(f"{LIST}new/", GOOD).status_code == 200
    assert Token.objects.owned_by(member).count() == 1


def test_renew(team_token: Token, clients: Clients) -> None:
    fields = {"expires": "90d", "overlap": "24h", "nonce": NONCE}
    response = clients("manager").post(f"{team_token.get_absolute_url()}renew/", fields)
    assert response["HX-Replace-Url"] == f"{LIST}?{OWNER}"
    assert Token.objects.get(renewed_from=team_token).team_id == "billing-ci"
    assert Event.objects.get(kind="renewed").who == "Mia Manager"


def test_edit_and_revoke(team_token: Token, clients: Clients) -> None:
    path = team_token.get_absolute_url()
    clients("manager").post(f"{path}edit/", {"name": "Deploy 2"})
    assert Event.objects.get(kind="changed").who == "Mia Manager"
    response = clients("member").post(f"{path}revoke/")
    assert response["Location"] == f"{LIST}?{OWNER}"
    assert Event.objects.get(kind="revoked").who == "Mo Member"


def test_bulk(team_token: Token, outsider: User, clients: Clients) -> None:
    chosen = {"token": team_token.identifier}
    assert clients("member").get(f"{LIST}revoke-selected/", chosen).status_code == 404
    response = clients("member").post(f"{LIST}revoke-selected/?{OWNER}", chosen)
    assert response["Location"] == f"{LIST}?{OWNER}"
    assert not Token.objects.active().exists()


def test_revoke_all(team_token: Token, clients: Clients) -> None:
    assert "You have no active tokens" in page_of(clients("member").get(f"{LIST}revoke-all/"))
    assert "the team's active" in page_of(clients("member").get(f"{LIST}revoke-all/?{OWNER}"))
    clients("member").post(f"{LIST}revoke-all/?{OWNER}", {"count": "1"})
    assert not Token.objects.active().exists()


def test_calendar(team_token: Token, clients: Clients) -> None:
    path = f"{LIST}calendar.ics"
    assert "Deploy" not in clients("member").get(path).content.decode()
    assert "Deploy" in clients("member").get(f"{path}?{OWNER}").content.decode()


# What pages say


def test_the_page_of_the_token_names_the_team(team_token: Token, clients: Clients) -> None:
    page = page_of(clients("manager").get(team_token.get_absolute_url()))
    for words in (
        '<a href="/settings/teams/billing-ci/"><bdi>Billing CI</bdi></a>',
        "by <bdi>Mo Member</bdi>",
        f'<a href="{LIST}?{OWNER}">API tokens</a>',
        f"?{OWNER}&amp;token={team_token.identifier}",
    ):
        assert words in page
    assert "203.0.113.7" not in page


def test_activity(team_token: Token, administrator: User, clients: Clients) -> None:
    team_token.revoke(Actor(user=administrator))
    team_token.set_rate_limit("5/second", None)
    client = clients("manager")
    page = page_of(client.get(f"/settings/activity/?{OWNER}"))
    for words in ("by Mo Member", "by an administrator", "by the command line", "by Mia Manager"):
        assert words in page
    assert "by you" not in page
    assert "203.0.113.7" not in page
    found = {
        by: {
            event.who
            for event in client.get(f"/settings/activity/?{OWNER}&by={by}")
            .context["activity"]
            .page.events
        }
        for by in ("member", "administrator", "nobody", "you")
    }
    assert found == {
        "member": {"Mo Member", "Mia Manager"},
        "administrator": {"an administrator"},
        "nobody": {"the command line"},
        "you": set(),
    }
    assert client.get("/settings/activity/?by=member").status_code == 422


def test_a_program_of_the_team(team_token: Token, clients: Clients) -> None:
    team_token.revoke(Actor(user=team_token.owner, token=team_token, address="192.0.2.1"))
    page = page_of(clients("member").get(f"/settings/activity/?{OWNER}&by=you"))
    assert "by a program" in page
    assert f"with {team_token.identifier}" in page


def test_whoever_deleted_the_account_is_a_former_member(
    team: Team, team_token: Token, member: User, clients: Clients
) -> None:
    member.delete()
    page = page_of(clients("manager").get(f"/settings/activity/?{OWNER}"))
    assert "by a former member" in page
    assert "Mo Member" not in page
    assert "member@example.com" not in page


def test_troubleshoot(team_token: Token, clients: Clients) -> None:
    RecentRequest.objects.create(
        token=team_token, at=timezone.now(), method="GET", path="/", status=403, refused=True,
        code="insufficient_scope", reference="f" * 16, address="192.0.2.1",
        milliseconds=1,
    )  # fmt: skip
    for pasted in (team_token.identifier, f"urn:tokenry:denial:{'f' * 16}"):
        for role, sees in (("member", True), ("outsider", False)):
            response = clients(role).post(f"{LIST}troubleshoot/", {"pasted": pasted})
            assert ("Deploy" in page_of(response)) is sees
