"""A token of a team in the API: it acts on the team's tokens alone."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.api.conftest import SCOPES, Caller
from tests.conftest import Issue, bearer
from tokens.api import tokens as making
from tokens.models import IdempotencyKey, Membership, Team, Token

pytestmark = pytest.mark.django_db
NAME = {"name": "Deploy bot"}


@pytest.fixture
def team(owner: User) -> Team:
    return Team.make("billing-ci", "Billing", {owner: Membership.Role.MANAGER})


@pytest.fixture
def caller(issue: Issue, team: Team) -> Caller:
    return Caller(*issue(owner=team.account, name="Caller", scopes=SCOPES))


def introspect(caller: Caller, value: str) -> Any:
    answer = Client().post(
        "/api/v1/introspect",
        f"token={value}",
        content_type="application/x-www-form-urlencoded",
        headers=bearer(caller.value),
    )
    return answer.json()


def test_the_owner_is_the_team(caller: Caller) -> None:
    made = caller("POST", "tokens", NAME)
    path = f"tokens/{made.json()['identifier']}"
    answers = [
        caller("GET", "token"),
        caller("GET", path),
        caller("PATCH", path, {"description": "Ships"}),
        caller("POST", "token/renew"),
        made,
    ]
    assert {answer.json()["owner"] for answer in answers} == {"team:billing-ci"}
    listed = caller("GET", "tokens").json()["items"]
    assert {each["owner"] for each in listed} == {"team:billing-ci"}


def test_it_acts_on_the_tokens_of_the_team(caller: Caller, team: Team, issue: Issue) -> None:
    members_own, _ = issue(name="Of the manager")
    made = caller("POST", "tokens", NAME).json()
    token = Token.objects.get(identifier=made["identifier"])
    assert (token.owner_id, token.team_id, token.made_by) == (
        team.account_id,
        "billing-ci",
        caller.token,
    )
    listed = {each["identifier"] for each in caller("GET", "tokens").json()["items"]}
    assert listed == {caller.token.identifier, token.identifier}
    for method in ("GET", "PATCH", "DELETE"):
        body = {"name": "x"} if method == "PATCH" else None
        assert caller(method, f"tokens/{members_own.identifier}", body).status_code == 404
    assert caller("DELETE", f"tokens/{token.identifier}").status_code == 204


def test_a_member_does_not_see_them(caller: Caller, issue: Issue) -> None:
    member = Caller(*issue(scopes=SCOPES))
    assert member("GET", f"tokens/{caller.token.identifier}").status_code == 404
    assert [each["owner"]["email"] for each in member("GET", "tokens").json()["items"]] == [
        "owner@example.com"
    ]


@pytest.mark.parametrize(("path", "body"), [("tokens", NAME), ("token/renew", None)])
def test_idempotency(caller: Caller, path: str, body: dict[str, str] | None) -> None:
    first = caller("POST", path, body, Idempotency_Key="k")
    again = caller("POST", path, body, Idempotency_Key="k")
    assert again.json() == first.json() | {"token": None, "replayed": True}
    assert again.json()["owner"] == "team:billing-ci"
    assert IdempotencyKey.objects.get().token == caller.token


def test_delegation_and_limits(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    wider = caller("POST", "tokens", NAME | {"scopes": ["reports:read"]})
    assert (wider.status_code, wider.json()["code"]) == (403, "forbidden")
    monkeypatch.setattr(making, "MAX_CREATIONS", 1)
    made = caller("POST", "tokens", NAME | {"scopes": SCOPES}).json()
    child = Caller(caller.token, made["token"])
    refused = child("POST", "tokens", NAME)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")


def test_the_account_switched_off(caller: Caller, team: Team) -> None:
    User.objects.filter(pk=team.account_id).update(is_active=False)
    assert caller("GET", "token").json()["code"] == "inactive_owner"


def test_introspection(caller: Caller, team: Team) -> None:
    answer = introspect(caller, caller.value)
    assert (answer["active"], answer["username"], answer["sub"]) == (
        True,
        "team:billing-ci",
        str(team.account_id),
    )
