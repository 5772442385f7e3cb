"""GET, PATCH and DELETE /api/v1/tokens/<identifier>"""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from tests.api.conftest import SCOPES, Caller
from tests.conftest import Issue
from tokens.models import Event, Scope, Token
from tokens.signals import token_refused
from tokens.usage.recorder import recorder


@pytest.fixture(autouse=True)
def catalogue(db: None) -> None:
    Scope.objects.bulk_create(
        Scope(name=name, words=name) for name in ("a:read", "a:write", "b:read")
    )


def path(token: Token) -> str:
    return f"tokens/{token.identifier}"


def test_describe(caller: Caller, issue: Issue) -> None:
    token, _ = issue(name="Other", description="Nightly", scopes=["a:read"])
    body = caller("GET", path(token)).json()
    assert (body["name"], body["description"], body["scopes"]) == ("Other", "Nightly", ["a:read"])
    assert token.digest not in str(body)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH", "DELETE"])
def test_anybody_elses_is_not_found(
    caller: Caller, issue: Issue, teammate: User, method: str
) -> None:
    token, _ = issue(owner=teammate, name="Theirs")
    answer = caller(method, path(token), {"name": "Mine now"} if method == "PATCH" else None)
    nowhere = caller(method, f"tokens/{'x' * 24}", {} if method == "PATCH" else None)
    assert (answer.status_code, nowhere.status_code) == (404, 404)
    if method != "HEAD":
        assert (answer.json()["code"], answer.json()["detail"]) == (
            "not_found",
            nowhere.json()["detail"],
        )
    token.refresh_from_db()
    assert (token.name, token.revoked_at) == ("Theirs", None)


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_stranger_learns_nothing(caller: Caller, method: str) -> None:
    answer = Caller(caller.token, "")(method, path(caller.token), Authorization="")
    assert (answer.status_code, answer.json()["code"]) == (401, "missing_credentials")


@pytest.mark.parametrize(
    ("method", "needed", "has"),
    [
        ("GET", "tokens:read", "tokens:write"),
        ("PATCH", "tokens:write", "tokens:read"),
        ("DELETE", "tokens:write", "tokens:read"),
    ],
)
def test_without_the_scope(issue: Issue, method: str, needed: str, has: str) -> None:
    """Its owner may know: the refusal of a proven token is recorded as the pipeline's own are."""
    refused = []

    def receive(token: Token, problem: Any, **_: Any) -> None:
        refused.append((token.pk, problem.code))

    token, value = issue(scopes=[has])
    token_refused.connect(receive)
    try:
        answer = Caller(token, value)(method, path(token), {} if method == "PATCH" else None)
        recorder.flush()
    finally:
        token_refused.disconnect(receive)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (403, "insufficient_scope")
    assert f"the scope {needed}" in body["detail"]
    assert f'scope="{needed}"' in answer["WWW-Authenticate"]
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["RateLimit"]
    assert refused == [(token.pk, "insufficient_scope")]


def test_change(caller: Caller, issue: Issue, owner: User) -> None:
    token, _ = issue(
        scopes=["a:read", "b:read"], allowed_addresses=["10.0.0.0/8"], description="Old"
    )
    answer = caller("PATCH", path(token), {"name": "New", "scopes": ["a:read"]})
    body = answer.json()
    assert (answer.status_code, body["name"], body["description"], body["scopes"]) == (
        200,
        "New",
        "Old",
        ["a:read"],
    )
    assert body["allowed_addresses"] == ["10.0.0.0/8"]
    event = Event.objects.get(kind="changed")
    assert (event.detail, event.actor, event.identifier) == (
        f"name: {token.name} → New; scopes: −b:read, with {caller.token.identifier}",
        owner,
        token.identifier,
    )
    assert caller("PATCH", path(token), {}).json() == body
    assert caller("PATCH", path(token), {"description": ""}).json()["description"] == ""


WIDE = {"scopes": ["a:read", *SCOPES]}


@pytest.mark.parametrize(
    ("of_caller", "of_token", "change", "beyond"),
    [
        # Narrower, or the same: whatever the token has beyond the caller
        ({}, {"scopes": ["a:read", "b:read"]}, {"scopes": ["b:read"]}, None),
        (
            {},
            {"scopes": ["b:read"], "environment": "test"},
            {"scopes": ["b:read"], "name": "New"},
            None,
        ),
        ({}, {"allowed_addresses": ["10.0.0.0/8"]}, {"allowed_addresses": ["10.1.0.0/16"]}, None),
        # Wider, within the caller
        (WIDE, {}, {"scopes": ["a:read"]}, None),
        (WIDE, {"allowed_addresses": ["10.0.0.0/8"]}, {"allowed_addresses": []}, None),
        # Wider, beyond it
        ({}, {}, {"scopes": ["a:read"]}, ["scopes"]),
        (WIDE, {"scopes": ["a:read"]}, {"scopes": ["a:read", "a:write"]}, ["scopes"]),
        (WIDE, {"scopes": ["b:read"]}, {"scopes": ["a:read", "b:read"]}, ["scopes"]),
        (WIDE, {"environment": "test"}, {"scopes": ["a:read"]}, ["environment"]),
        (WIDE, {"days": 91}, {"scopes": ["a:read"]}, ["expires_at"]),
        (
            {},
            {"scopes": ["a:read"], "allowed_addresses": ["10.0.0.0/8"]},
            {"allowed_addresses": []},
            ["scopes"],
        ),
        (
            {"allowed_addresses": ["127.0.0.0/8"]},
            {"allowed_addresses": ["127.0.0.1/32"]},
            {"allowed_addresses": ["127.0.0.0/8", "10.0.0.0/8"]},
            ["allowed_addresses"],
        ),
    ],
)
def test_wider_only_within_the_caller(
    issue: Issue,
    of_caller: dict[str, Any],
    of_token: dict[str, Any],
    change: dict[str, Any],
    beyond: list[str] | None,
) -> None:
    now = timezone.now()
    caller = Caller(
        *issue(**({"scopes": SCOPES, "expires_at": now + timedelta(days=90)} | of_caller))
    )
    days = of_token.pop("days", 30)
    token, _ = issue(expires_at=now + timedelta(days=days), **of_token)
    before = Token.objects.values().get(pk=token.pk)
    answer = caller("PATCH", path(token), change)
    if beyond is None:
        assert answer.status_code == 200
        assert answer.json() | change == answer.json()
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert [error["field"] for error in answer.json()["errors"]] == beyond
        assert Token.objects.values().get(pk=token.pk) == before


def test_it_cannot_widen_itself(caller: Caller) -> None:
    answer = caller("PATCH", path(caller.token), {"scopes": ["a:read", *SCOPES]})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"environment": "test"}, "environment"),
        ({"expires_at": "2999-01-01T00:00:00Z"}, "expires_at"),
        ({"owner": 1}, "owner"),
        ({"rate_limit": "9/second"}, "rate_limit"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"scopes": None}, "scopes"),
        ({"allowed_addresses": ["x"]}, "allowed_addresses"),
    ],
)
def test_what_cannot_change_is_named(caller: Caller, change: dict[str, Any], field: str) -> None:
    answer = caller("PATCH", path(caller.token), change)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_revoked_token_changes_no_more(caller: Caller, issue: Issue) -> None:
    token, _ = issue()
    token.revoke()
    answer = caller("PATCH", path(token), {"name": "New"})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "revoked" in answer.json()["detail"]


def test_revoke_at_once_and_again(caller: Caller, issue: Issue, owner: User) -> None:
    token, value = issue()
    for _ in range(2):
        answer = caller("DELETE", path(token))
        assert (answer.status_code, answer.content) == (204, b"")
    assert Caller(token, value)("GET", "token").json()["code"] == "revoked_token"
    event = Event.objects.get(kind="revoked")
    assert (event.actor, event.identifier) == (owner, token.identifier)
    assert caller("GET", path(token)).json()["status"] == "revoked"


@pytest.mark.parametrize(
    ("query", "left"), [("?include_made=true", 1), ("?include_made=false", 3), ("", 3)]
)
def test_revoke_with_what_was_made_with_it(caller: Caller, query: str, left: int) -> None:
    made = caller(
        "POST", "tokens", {"name": "Maker", "scopes": ["tokens:read", "tokens:write"]}
    ).json()
    maker = Caller(Token.objects.get(identifier=made["identifier"]), made["token"])
    for name in ("a", "b"):
        assert maker("POST", "tokens", {"name": name}).status_code == 201
    found = caller("GET", f"tokens?made_with={maker.token.identifier}&status=active").json()
    assert [token["name"] for token in found["items"]] == ["b", "a"]
    assert caller("DELETE", path(maker.token) + query).status_code == 204
    assert Token.objects.active().count() == left
    assert Event.objects.filter(kind="revoked").count() == 4 - left


@pytest.mark.parametrize("query", ["?include_made=2x", "?include_made=", "?other=1"])
def test_what_is_wrong_about_it_is_named(caller: Caller, issue: Issue, query: str) -> None:
    answer = caller("DELETE", path(issue()[0]) + query)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [error["field"] for error in answer.json()["errors"]] == [query[1:].partition("=")[0]]
    assert not Event.objects.filter(kind="revoked").exists()


def test_made_with_is_about_ones_own_tokens(caller: Caller, issue: Issue, teammate: User) -> None:
    theirs, _ = issue(owner=teammate)
    assert caller("GET", f"tokens?made_with={theirs.identifier}").json()["items"] == []
    assert caller("GET", "tokens?made_with=x").json()["code"] == "invalid_request"
