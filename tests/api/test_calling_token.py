"""A token's requests about itself. tests/authentication/test_pipeline.py has GET and DELETE."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.api.conftest import SCOPES, Caller
from tests.conftest import Issue, bearer
from tests.run import patience
from tokens.api import current_token
from tokens.api.schemas import TokenFacts
from tokens.management.token_facts import token_as_dict
from tokens.models import Event, Token
from tokens.token_settings import TokenSettings

RENEW = "token/renew"


def test_describe_and_head(caller: Caller) -> None:
    answer = caller("GET", "token")
    body = answer.json()
    assert (body["identifier"], body["scopes"]) == (caller.token.identifier, SCOPES)
    assert answer["Content-Type"] == "application/json"
    assert caller("HEAD", "token").status_code == 200


def test_the_command_line_describes_a_token_in_the_same_way(caller: Caller) -> None:
    facts = TokenFacts.model_validate(caller.token).model_dump()
    assert list(facts.items()) == list(token_as_dict(caller.token).items())


def test_renew(caller: Caller, owner: User) -> None:
    token = caller.token
    token.set_rate_limit("10/minute")
    Token.objects.filter(pk=token.pk).update(created_at=timezone.now() - timedelta(days=10))
    token.refresh_from_db()
    with time_machine.travel(timezone.now(), tick=False):
        answer = caller("POST", RENEW)
        now = timezone.now()
    body = answer.json()
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
    assert answer["Location"] == f"/api/v1/tokens/{body['identifier']}"
    successor = Token.objects.get(identifier=body["identifier"])
    assert successor.is_proven_by(body["token"])
    assert successor.renewed_from == token
    assert successor.expires_at == now + (token.expires_at - token.created_at)
    for name in Token.INHERITED_FIELDS:
        assert getattr(successor, name) == getattr(token, name)
    token.refresh_from_db()
    assert token.expires_at == now + timedelta(hours=24)
    assert answer["Token-Expires-At"] == f"{token.expires_at:%Y-%m-%dT%H:%M:%SZ}"
    event = Event.objects.get(kind="renewed")
    assert (event.actor, event.detail) == (
        owner,
        f"replaced by {successor.identifier}, with {token.identifier}",
    )
    for value in (caller.value, body["token"]):
        assert Client().get("/api/v1/token", headers=bearer(value)).status_code == 200


@pytest.mark.parametrize(
    ("overlap", "length"),
    [("now", {}), ("1h", {"hours": 1}), ("24h", {"hours": 24}), ("7d", {"days": 7})],
)
def test_overlap(caller: Caller, overlap: str, length: dict[str, int]) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        assert caller("POST", RENEW, {"overlap": overlap}).status_code == 201
        caller.token.refresh_from_db()
        assert caller.token.expires_at == timezone.now() + timedelta(**length)
        assert (caller("GET", "token").status_code == 200) == bool(length)


def test_only_once(caller: Caller) -> None:
    first = caller("POST", RENEW).json()
    answer = caller("POST", RENEW)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert first["identifier"] in answer.json()["detail"]


def test_no_longer_than_the_installation_allows_now(
    caller: Caller, token_settings: TokenSettings
) -> None:
    token_settings.MAX_TOKEN_LIFETIME_DAYS = 7
    with time_machine.travel(timezone.now(), tick=False):
        body = caller("POST", RENEW).json()
        assert Token.objects.get(
            identifier=body["identifier"]
        ).expires_at == timezone.now() + timedelta(days=7)


def test_no_more_than_the_installation_allows(
    caller: Caller, issue: Issue, token_settings: TokenSettings
) -> None:
    issue()
    token_settings.MAX_TOKENS_PER_USER = 1
    answer = caller("POST", RENEW)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"overlap": "2h"}, "overlap"),
        ({"overlap": None}, "overlap"),
        ({"expires": "4y"}, "expires"),
        ({"name": "New"}, "name"),
        ([], "body"),
    ],
)
def test_what_is_wrong_is_named(caller: Caller, asked: Any, field: str) -> None:
    answer = caller("POST", RENEW, asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert Token.objects.count() == 1


def test_without_the_scope(issue: Issue) -> None:
    answer = Caller(*issue(scopes=["tokens:write"]))("POST", RENEW)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert Token.objects.count() == 1


def test_one_renewal_at_a_time(caller: Caller) -> None:
    """Otherwise a program could have many working tokens, each with a limit of its own."""
    body = caller("POST", RENEW).json()
    successor = Caller(Token.objects.get(identifier=body["identifier"]), body["token"])
    refused = successor("POST", RENEW)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert caller.token.identifier in refused.json()["detail"]
    caller.token.revoke()
    assert successor("POST", RENEW).status_code == 201


def test_a_form_of_a_thousand_fields_is_no_fault_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    answer = Client().post("/api/v1/revoke", {f"field{number}": "1" for number in range(1100)})
    assert answer.status_code in {400, 415}
    assert "Traceback" not in caplog.text


def test_a_retiring_token_does_not_win_its_time_back(caller: Caller) -> None:
    """Not by ending what replaced it, nor by making another that renews itself."""
    renewed = caller("POST", "token/renew").json()
    assert caller("DELETE", f"tokens/{renewed['identifier']}").status_code == 204
    again = caller("POST", "token/renew")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    child = caller("POST", "tokens", {"name": "Child", "scopes": ["tokens:read", "tokens:renew"]})
    assert (child.status_code, child.json()["code"]) == (403, "forbidden")
    assert "it can't give tokens:renew" in child.json()["errors"][0]["detail"]
    assert (
        caller("POST", "tokens", {"name": "Child", "scopes": ["tokens:read"]}).status_code == 201
    )


def test_one_whose_successor_ended_itself_renews_again(caller: Caller) -> None:
    """As docs/rotate.sh does where the new value could not be stored."""
    successor = Caller(caller.token, caller("POST", "token/renew").json()["token"])
    assert successor("DELETE", "token").status_code == 204
    assert caller("POST", "token/renew").status_code == 201


def test_so_many_renewals_in_an_hour(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current_token, "MAX_RENEWALS", 2)
    for _ in range(2):
        answer = caller("POST", "token/renew", {"overlap": "now"})
        assert answer.status_code == 201
        caller.value = answer.json()["token"]
    refused = caller("POST", "token/renew", {"overlap": "now"})
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert 3600 - patience(60) < int(refused["Retry-After"]) <= 3600
    assert refused.json()["violated-policies"] == ["renewals"]
    with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=1)):
        assert caller("POST", "token/renew", {"overlap": "now"}).status_code == 201


def test_revokes_itself_and_what_it_made(caller: Caller) -> None:
    assert caller("POST", "tokens", {"name": "child"}).status_code == 201
    assert caller("DELETE", "token?include_made=true").status_code == 204
    assert not Token.objects.active().exists()
    assert Event.objects.filter(kind="revoked").count() == 2


def test_what_it_made_takes_the_scope_that_makes(caller: Caller, issue: Issue) -> None:
    token, value = issue(scopes=[])
    answer = Caller(token, value)("DELETE", "token?include_made=true")
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    token.refresh_from_db()
    assert token.revoked_at is None
