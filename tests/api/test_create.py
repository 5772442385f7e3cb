"""POST /api/v1/tokens"""

from datetime import timedelta
from datetime import timezone as dt_timezone
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.api.conftest import SCOPES, Caller
from tests.conftest import Issue, bearer
from tokens.api.schemas import Expires, OverlapKey
from tokens.core.lifetimes import LIFETIMES, OVERLAPS
from tokens.models import Event, Scope, Token
from tokens.token_settings import TokenSettings

NAME = {"name": "Deploy bot"}


def wrong(answer: Any) -> dict[str, str]:
    """The fields that an answer complains of, and how."""
    return {error["field"]: error["detail"] for error in answer.json()["errors"]}


def test_the_value_comes_once_and_works(caller: Caller, owner: User) -> None:
    asked = {
        "name": "  Deploy bot ", "description": "Ships it", "environment": "live",
        "expires": "30d", "scopes": ["tokens:read"],
        "allowed_addresses": ["127.0.0.1", "2001:db8::/32", "127.0.0.1"],
    }  # fmt: skip
    with time_machine.travel(timezone.now(), tick=False):
        answer = caller("POST", "tokens", asked)
        end = LIFETIMES["30d"].end(timezone.now())
    body = answer.json()
    token = Token.objects.exclude(pk=caller.token.pk).get()
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
    assert answer["Location"] == f"/api/v1/tokens/{token.identifier}"
    assert (body["identifier"], body["replayed"], body["owner"]["email"]) == (
        token.identifier,
        False,
        owner.email,
    )
    assert (token.name, token.description, token.expires_at) == ("Deploy bot", "Ships it", end)
    assert (token.scopes, token.allowed_addresses) == (
        ["tokens:read"],
        ["127.0.0.1/32", "2001:db8::/32"],
    )
    assert token.is_proven_by(body["token"])
    assert (
        Client().get(answer["Location"], headers=bearer(body["token"])).json()["name"]
        == "Deploy bot"
    )
    assert body["token"] not in caller("GET", f"tokens/{token.identifier}").content.decode()
    event = Event.objects.get(identifier=token.identifier)
    assert (event.kind, event.actor) == ("created", owner)


def test_an_instant_is_told_in_utc(caller: Caller) -> None:
    end = timezone.now().replace(microsecond=0) + timedelta(days=1)
    there = end.astimezone(dt_timezone(timedelta(hours=5)))
    body = caller("POST", "tokens", {**NAME, "expires_at": there.isoformat()}).json()
    assert body["expires_at"] == f"{end:%Y-%m-%dT%H:%M:%SZ}"


def test_what_is_left_out_is_as_narrow_as_the_caller(issue: Issue) -> None:
    end = timezone.now() + timedelta(days=7)
    networks = ["127.0.0.0/8"]
    caller = Caller(
        *issue(environment="test", scopes=SCOPES, allowed_addresses=networks, expires_at=end)
    )
    body = caller("POST", "tokens", NAME).json()
    token = Token.objects.get(identifier=body["identifier"])
    assert (token.environment, token.scopes, token.allowed_addresses, token.expires_at) == (
        "test",
        [],
        networks,
        end,
    )


def test_ninety_days_unless_said_otherwise(issue: Issue) -> None:
    caller = Caller(*issue(scopes=SCOPES, expires_at=timezone.now() + timedelta(days=1000)))
    with time_machine.travel(timezone.now(), tick=False):
        body = caller("POST", "tokens", NAME).json()
        assert Token.objects.get(
            identifier=body["identifier"]
        ).expires_at == timezone.now() + timedelta(days=90)


@pytest.mark.parametrize(
    ("asked", "field", "words"),
    [
        ({"scopes": ["tokens:read", "reports:read"]}, "scopes", "does not have reports:read"),
        ({"scopes": ["no:such"]}, "scopes", "does not have no:such"),
        ({"environment": "test"}, "environment", "is for live"),
        ({"expires": "1y"}, "expires", "expires on"),
        ({"expires_at": "2999-01-01T00:00:00Z"}, "expires_at", "expires on"),
        ({"allowed_addresses": []}, "allowed_addresses", "only from 127.0.0.0/8."),
        ({"allowed_addresses": ["10.0.0.0/8"]}, "allowed_addresses", "only from 127.0.0.0/8."),
        ({"allowed_addresses": ["126.0.0.0/7"]}, "allowed_addresses", "only from 127.0.0.0/8."),
        (
            {"allowed_addresses": ["127.0.0.1", "::1"]},
            "allowed_addresses",
            "only from 127.0.0.0/8.",
        ),
    ],
)
def test_nothing_beyond_the_caller(
    issue: Issue, asked: dict[str, Any], field: str, words: str
) -> None:
    """Though its owner could have all of it."""
    Scope.objects.create(name="reports:read", words="Read reports")
    caller = Caller(*issue(scopes=SCOPES, allowed_addresses=["127.0.0.0/8"]))
    answer = caller("POST", "tokens", NAME | asked)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (403, "forbidden")
    assert list(wrong(answer)) == [field]
    assert words in wrong(answer)[field]
    assert Token.objects.count() == 1


def test_the_very_end_of_the_caller_is_within_it(caller: Caller) -> None:
    end = caller.token.expires_at
    assert caller("POST", "tokens", NAME | {"expires_at": end.isoformat()}).status_code == 201
    later = (end + timedelta(microseconds=1)).isoformat()
    assert caller("POST", "tokens", NAME | {"expires_at": later}).status_code == 403


def test_a_scope_of_a_group_that_its_owner_left(owner: User, issue: Issue) -> None:
    group = Group.objects.create(name="Finance")
    owner.groups.add(group)
    Scope.objects.create(name="books:read", words="Read the books", group=group)
    caller = Caller(*issue(scopes=[*SCOPES, "books:read"]))
    asked = NAME | {"scopes": ["books:read"]}
    assert caller("POST", "tokens", asked).status_code == 201
    owner.groups.clear()
    answer = caller("POST", "tokens", asked)
    assert (answer.status_code, wrong(answer)) == (
        403,
        {"scopes": "The owner may not give books:read to a token."},
    )


def test_a_limit_of_its_own_is_handed_on(caller: Caller) -> None:
    caller.token.set_rate_limit("10/minute")
    body = caller("POST", "tokens", NAME).json()
    assert body["rate_limit"] == "10/minute"
    grandchild = caller("POST", "token/renew").json()
    assert grandchild["rate_limit"] == "10/minute"


@pytest.mark.parametrize(
    "field", ["owner", "owner_id", "digest", "pepper", "created_at", "rate_limit", "identifier"]
)
def test_fields_that_do_not_exist_are_refused_by_name(caller: Caller, field: str) -> None:
    answer = caller("POST", "tokens", NAME | {field: 1, "x": 2})
    body = answer.json()
    assert (answer.status_code, body["code"]) == (422, "invalid_request")
    assert wrong(answer) == {field: "There is no such field.", "x": "There is no such field."}
    assert field in body["detail"]


@pytest.mark.parametrize(
    ("asked", "field", "words"),
    [
        ({}, "name", "This is needed."),
        ({"name": ""}, "name", "Give the token a name"),
        ({"name": " \u00a0"}, "name", "Give the token a name"),
        ({"name": "n" * 101}, "name", "at most 100 characters"),
        ({"name": 5}, "name", "valid string"),
        ({"name": None}, "name", "valid string"),
        ({"name": "a\nb"}, "name", "one line of text"),
        ({"name": "a\0b"}, "name", "one line of text"),
        ({"name": "\ud800"}, "name", "valid string"),
        ({**NAME, "description": "d" * 201}, "description", "at most 200 characters"),
        ({**NAME, "environment": "prod"}, "environment", "'live', 'test' or 'dev'"),
        ({**NAME, "environment": None}, "environment", "Leave this out"),
        ({**NAME, "expires": "2d"}, "expires", "'30d', '90d'"),
        ({**NAME, "expires": None}, "expires", "Leave this out"),
        ({**NAME, "expires_at": "2027-01-01"}, "expires_at", "RFC 3339"),
        ({**NAME, "expires_at": "2027-01-01T00:00:00"}, "expires_at", "RFC 3339"),
        ({**NAME, "expires_at": 1_900_000_000}, "expires_at", "RFC 3339"),
        ({**NAME, "expires_at": "2027-02-30T00:00:00Z"}, "expires_at", "valid datetime"),
        ({**NAME, "expires_at": "2020-01-01T00:00:00Z"}, "expires_at", "in the past"),
        ({**NAME, "expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at", "too far away"),
        (
            {**NAME, "expires": "30d", "expires_at": "2027-01-01T00:00:00Z"},
            "expires_at",
            "not both",
        ),
        ({**NAME, "scopes": "tokens:read"}, "scopes", "valid list"),
        ({**NAME, "scopes": ["Read\0"]}, "scopes.0", "wrong form"),
        ({**NAME, "scopes": ["a:b"] * 101}, "scopes", "at most 100 items"),
        ({**NAME, "allowed_addresses": None}, "allowed_addresses", "Leave this out"),
        (
            {**NAME, "allowed_addresses": ["10.0.0.1/8"]},
            "allowed_addresses",
            "did you mean 10.0.0.0/8?",
        ),
        (
            {**NAME, "allowed_addresses": ["10.0.0.1, ::1"]},
            "allowed_addresses",
            "neither an address",
        ),
        ({**NAME, "allowed_addresses": ["::1"] * 51}, "allowed_addresses", "at most 50 items"),
        ([], "body", "JSON object"),
        ("x", "body", "JSON object"),
    ],
)
def test_what_is_wrong_is_named(caller: Caller, asked: Any, field: str, words: str) -> None:
    answer = caller("POST", "tokens", asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert list(wrong(answer)) == [field]
    assert words in wrong(answer)[field]
    assert Token.objects.count() == 1


@pytest.mark.parametrize("field", ["name", "description"])
def test_a_value_pasted_in_the_wrong_field_is_not_kept(caller: Caller, field: str) -> None:
    answer = caller("POST", "tokens", NAME | {field: f"x {caller.value}"})
    assert "looks like a token's value" in wrong(answer)[field]
    assert caller.value[24:] not in answer.content.decode()


def test_policies_of_the_installation(caller: Caller, token_settings: TokenSettings) -> None:
    token_settings.MAX_TOKEN_LIFETIME_DAYS = 7
    answer = caller("POST", "tokens", NAME | {"expires": "30d"})
    assert (answer.status_code, list(wrong(answer))) == (422, ["expires"])
    assert "7 days at most" in wrong(answer)["expires"]
    token_settings.MAX_TOKEN_LIFETIME_DAYS = None
    token_settings.MAX_TOKENS_PER_USER = 1
    answer = caller("POST", "tokens", NAME)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "You have 1 active token" in answer.json()["detail"]


def test_without_the_scope(issue: Issue) -> None:
    answer = Caller(*issue(scopes=["tokens:read"]))("POST", "tokens", NAME)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert 'scope="tokens:write"' in answer["WWW-Authenticate"]


def test_names_are_those_of_the_pages() -> None:
    assert list(Expires.__args__) == list(LIFETIMES)  # type: ignore[attr-defined]  # of any Literal
    assert list(OverlapKey.__args__) == list(OVERLAPS)  # type: ignore[attr-defined]  # the same
