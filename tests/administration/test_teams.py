"""Teams in Django admin: the list, the overview, and how lists and files name a team."""

import csv
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.administration.conftest import EVENTS, OVERVIEW, TOKENS
from tests.conftest import Issue, page_of
from tokens.models import Membership, Team, Token

pytestmark = pytest.mark.django_db
TEAMS = "/admin/tokens/team/"
LONELY = "teams without a manager"


@pytest.fixture
def team(owner: User, teammate: User) -> Team:
    members = {owner: Membership.Role.MANAGER, teammate: Membership.Role.MEMBER}
    return Team.make("billing-ci", "Billing", members)


@pytest.fixture
def token(issue: Issue, team: Team) -> Token:
    return issue(owner=team.account, name="CI")[0]


def slugs(client: Client, query: str = "") -> list[str]:
    return [team.pk for team in client.get(TEAMS + query).context["cl"].result_list]


def test_the_list(token: Token, team: Team, issue: Issue, admin_client: Client) -> None:
    issue(owner=team.account)[0].revoke()
    Team.make("alone", "Alone", {})
    page = page_of(admin_client.get(TEAMS))
    assert slugs(admin_client) == ["alone", "billing-ci"]
    assert 'class="field-managers">owner@example.com</td>' in page
    assert 'class="field-working_tokens">1</td>' in page
    assert 'class="field-managers">none</td>' in page
    assert slugs(admin_client, "?q=bill") == ["billing-ci"]
    assert slugs(admin_client, "?q=BILLING") == ["billing-ci"]


def test_without_a_manager(team: Team, owner: User, admin_client: Client) -> None:
    assert slugs(admin_client, "?manager=none") == []
    assert LONELY not in page_of(admin_client.get(OVERVIEW))
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert slugs(admin_client, "?manager=none") == ["billing-ci"]
    page = page_of(admin_client.get(OVERVIEW))
    assert f'<a href="{TEAMS}?manager=none">1<span' in page
    assert LONELY in page


def test_nobody_changes_a_team(team: Team, admin_client: Client, owner: User) -> None:
    page = page_of(admin_client.get(f"{TEAMS}{team.pk}/change/"))
    assert "owner@example.com, teammate@example.com" in page
    for path in ("add/", f"{team.pk}/delete/", f"{team.pk}/change/"):
        answer = admin_client.post(TEAMS + path, {"name": "Other", "post": "yes"})
        assert answer.status_code == 403, path
    team.refresh_from_db()
    assert team.name == "Billing"


def test_the_owner_is_named(token: Token, admin_client: Client, owner: User) -> None:
    for path in (TOKENS, f"{TOKENS}{token.pk}/change/", EVENTS, f"{TOKENS}{token.pk}/revoke/"):
        page = page_of(admin_client.get(path))
        assert "team:billing-ci" in page, path
        assert "teams.invalid" not in page, path
    asked = page_of(admin_client.post(OVERVIEW, {"pasted": token.identifier}))
    assert "“<bdi>CI</bdi>” of <bdi>team:billing-ci</bdi>" in asked
    assert "teams.invalid" not in asked
    assert "/admin/accounts/user/" + str(token.owner_id) not in asked
    assert page_of(admin_client.get(f"{TOKENS}?q=billing-ci")).count("team:billing-ci") == 1


@pytest.mark.parametrize(
    "path", [f"{TOKENS}export.csv", f"{EVENTS}export.csv?kind__exact=created"]
)
def test_files(token: Token, admin_client: Client, path: str) -> None:
    answer: Any = admin_client.get(path)
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    [row] = csv.DictReader(StringIO(text))
    assert (row["token"], row["owner"]) == (token.identifier, "team:billing-ci")


def test_no_teams_here(team: Team, admin_client: Client, settings: Settings) -> None:
    Membership.objects.all().delete()
    settings.TOKENRY = {**settings.TOKENRY, "TEAM_USER": None}
    assert admin_client.get(TEAMS).status_code == 403
    assert TEAMS not in page_of(admin_client.get("/admin/"))
    assert LONELY not in page_of(admin_client.get(OVERVIEW))
