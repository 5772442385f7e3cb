"""/verify: the queries of gateways, the answers, and the request records."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from tests.conftest import Issue, bearer
from tokens.authentication import lookup
from tokens.core.circuit_breaker import ServiceUnavailable
from tokens.models import Membership, RecentRequest, Scope, Team, Token
from tokens.usage.recorder import recorder

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("each_way")]
MASKED = "tkn_live_4mQ7wXb2ZpT9c1K•••"
IDENTITY = {
    "X-Auth-User",
    "X-Auth-Email",
    "X-Auth-Team",
    "X-Auth-Token",
    "X-Auth-Scopes",
    "X-Auth-Environment",
}


@pytest.fixture
def scopes(db: None) -> list[str]:
    names = ["reports:read", "reports:write"]
    Scope.objects.bulk_create(Scope(name=name, words=name) for name in names)
    return names


def ask(value: str = "", query: str = "", **headers: str) -> Any:
    return Client().get(f"/verify{query}", headers={**(bearer(value) if value else {}), **headers})


def test_who_is_calling(
    issue: Issue, owner: User, scopes: list[str], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    token, value = issue(scopes=scopes, environment="test")
    with django_assert_num_queries(1):
        response = ask(value, "?scope=reports:read&scope=reports:write&environment=test")
    assert (response.status_code, response.content) == (200, b"")
    assert {name: response[name] for name in IDENTITY} == {
        "X-Auth-User": str(owner.pk),
        "X-Auth-Email": "owner@example.com",
        "X-Auth-Team": "",
        "X-Auth-Token": token.identifier,
        "X-Auth-Scopes": "reports:read reports:write",
        "X-Auth-Environment": "test",
    }
    assert response["Cache-Control"] == "no-store"
    assert response["RateLimit"].startswith('"token";r=999')
    assert value not in str(response.headers)


def test_every_identity_header_is_there_even_empty(issue: Issue) -> None:
    _, value = issue()
    response = ask(value)
    assert set(response.headers) >= IDENTITY
    assert response["X-Auth-Scopes"] == response["X-Auth-Team"] == ""


def test_a_token_of_a_team(
    issue: Issue, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    team = Team.make("billing-ci", "Billing", {owner: Membership.Role.MANAGER})
    token, value = issue(owner=team.account)
    with django_assert_num_queries(1):
        response = ask(value)
    assert {name: response[name] for name in IDENTITY} == {
        "X-Auth-User": str(team.account_id),
        "X-Auth-Email": "",
        "X-Auth-Team": "billing-ci",
        "X-Auth-Token": token.identifier,
        "X-Auth-Scopes": "",
        "X-Auth-Environment": "live",
    }


@pytest.mark.parametrize("method", ["get", "head", "post", "put", "patch", "delete", "options"])
@pytest.mark.parametrize("path", ["/verify", "/verify/", "/verify/a/b", "/verify/a/b/?c=/d"])
def test_any_method_and_path(issue: Issue, method: str, path: str, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    _, value = issue()
    client = Client(enforce_csrf_checks=True)
    answers = {
        getattr(client, method)(path.partition("?")[0], headers=headers).status_code
        for headers in ({}, bearer(value))
    }
    assert answers == {200, 401}


@pytest.mark.parametrize("path", ["/verifying", "/verify.txt", "/api/verify", "/x/verify"])
def test_no_other_path(issue: Issue, path: str) -> None:
    _, value = issue()
    assert Client().get(path, headers=bearer(value)).status_code == 404


def test_a_session_is_nothing_here(owner_client: Client) -> None:
    assert owner_client.get("/verify").json()["code"] == "missing_credentials"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 200, None),
        ("?scope=reports:read", 200, None),
        ("?scope=reports:read+reports:write", 403, "insufficient_scope"),
        ("?scope=reports:write", 403, "insufficient_scope"),
        ("?scope=", 200, None),
        ("?environment=live", 200, None),
        ("?environment=test", 403, "wrong_environment"),
        ("?environment=prod", 422, "invalid_request"),
        ("?environment=live&environment=test", 422, "invalid_request"),
        ("?environment=li&environment=ve", 422, "invalid_request"),
        ("?scopes=reports:write", 422, "invalid_request"),
        ("?scope=%01", 422, "invalid_request"),
        ("?scope=reports", 422, "invalid_request"),
        ("?scope=a:b%22,+error=%22x", 422, "invalid_request"),
        ("?scope=" + "a:b+" * 300, 422, "invalid_request"),
        ("?statuses=", 200, None),
        ("?statuses=teapot", 422, "invalid_request"),
    ],
)
def test_questions(
    issue: Issue, scopes: list[str], query: str, status: int, code: str | None
) -> None:
    _, value = issue(scopes=["reports:read"])
    response = ask(value, query)
    assert response.status_code == status
    if code:
        assert (response["Content-Type"], response.json()["code"]) == (
            "application/problem+json",
            code,
        )
        assert not IDENTITY & set(response.headers)


def test_a_mistaken_question_names_the_parameter(issue: Issue) -> None:
    _, value = issue()
    assert ask(value, "?scopes=a&environment=prod").json()["errors"] == [
        {
            "field": "scopes",
            "detail": "It is not known. Use scope, environment, statuses or lease.",
        },
        {"field": "environment", "detail": "It takes one of live, test, dev."},
    ]


def test_a_scope_counts_only_while_the_owner_is_in_its_group(issue: Issue, owner: User) -> None:
    group = Group.objects.create(name="Finance")
    Scope.objects.create(name="books:read", words="Read the books", group=group)
    owner.groups.add(group)
    _, value = issue(scopes=["books:read"])
    assert ask(value)["X-Auth-Scopes"] == "books:read"
    owner.groups.clear()
    assert ask(value)["X-Auth-Scopes"] == ""


def revoked(issue: Issue) -> str:
    token, value = issue()
    token.revoke()
    return value


def limited(issue: Issue) -> str:
    token, value = issue()
    token.set_rate_limit("1/hour")
    ask(value)
    return value


@pytest.mark.parametrize(
    ("make", "real", "instead"),
    [
        (lambda _: "", 401, 401),
        (lambda _: "two words", 400, 401),
        (revoked, 401, 401),
        (limited, 429, 403),
    ],
)
def test_statuses_for_gateways_that_know_two(
    issue: Issue, make: Callable[[Issue], str], real: int, instead: int
) -> None:
    value = make(issue)
    plain, known = ask(value), ask(value, "?statuses=401,403")
    assert (plain.status_code, known.status_code) == (real, instead)
    assert "X-Auth-Status" not in plain
    assert known["X-Auth-Status"] == str(real)
    assert json.loads(known["X-Auth-Problem"]) == known.json()
    assert known.json()["code"] == plain.json()["code"]
    assert known.get("WWW-Authenticate") == plain.get("WWW-Authenticate")
    assert known.get("Retry-After") == plain.get("Retry-After")


def test_a_database_that_is_away_lets_nobody_in(
    issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, value = issue()

    def gone(_: str) -> None:
        raise ServiceUnavailable

    monkeypatch.setattr(lookup, "find_token", gone)
    assert [ask(value).status_code, ask(value, "?statuses=401,403").status_code] == [503, 403]
    assert ask(value, "?statuses=401")["X-Auth-Status"] == "503"


@pytest.mark.parametrize(
    ("path", "headers", "method", "shown"),
    [
        ("/verify/orders/7", {}, "POST", "/orders/7"),
        ("/verify", {}, "POST", "/verify"),
        ("/verify/", {}, "POST", "/"),
        (
            "/verify",
            {"X-Original-URI": "/a?secret=1", "X-Original-Method": "DELETE"},
            "DELETE",
            "/a",
        ),
        ("/verify", {"X-Forwarded-Uri": "/b?c=d", "X-Forwarded-Method": "PUT"}, "PUT", "/b"),
        ("/verify", {"X-Original-URI": "/caf%C3%A9"}, "POST", "/caf%C3%A9"),
        ("/verify", {"X-Original-URL": "https://api.example.com/a?secret=1"}, "POST", "/a"),
        ("/verify", {"X-Original-URL": "https://user:password@api.example.com:443"}, "POST", "/"),
        ("/verify", {"X-Original-URL": "http://api.example.com?secret=1"}, "POST", "/"),
        ("/verify", {"X-Original-URI": "HTTPS://api.example.com/a%20b"}, "POST", "/a%20b"),
        (
            "/verify",
            {"X-Original-URI": "/a", "X-Original-URL": "https://api.example.com/b"},
            "POST",
            "/a",
        ),
        (
            "/verify",
            {"X-Original-URI": "/to/https://api.example.com/a"},
            "POST",
            "/to/https://api.example.com/a",
        ),
        (
            "/verify",
            {"X-Original-URI": "/tkn%5Flive%5F4mQ7wXb2ZpT9c1K" + "s" * 49},
            "POST",
            f"/{MASKED}",
        ),
        (
            "/verify",
            {"X-Original-URI": "/tkn_live_4mQ7wXb2ZpT9c1K" + "s" * 6 + "%20" + "s" * 43},
            "POST",
            f"/{MASKED}",
        ),
        (
            "/verify",
            {"X-Original-URI": "/é\x1b", "X-Original-Method": "x" * 50},
            "x" * 10,
            "/%C3%A9%1B",
        ),
        ("/verify", {"X-Original-URI": "/a", "X-Original-Method": "G 2\x9b\x85x"}, "G?2??x", "/a"),
        (
            "/verify",
            {"X-Original-URI": "/tkn%255Flive%25255F4mQ7wXb2ZpT9c1K" + "s" * 49},
            "POST",
            f"/{MASKED}",
        ),
        ("/verify", {"X-Original-URI": "/100%25%2525"}, "POST", "/100%25%2525"),
    ],
)
def test_the_request_that_waits_is_written_down(
    issue: Issue, path: str, headers: dict[str, str], method: str, shown: str
) -> None:
    token, value = issue()
    Client().post(path, headers={**bearer(value), **headers})
    recorder.flush()
    made = RecentRequest.objects.get(token=token)
    assert (made.method, made.path, made.status) == (method, shown, 200)


def test_a_refusal_is_written_down_with_its_own_status(issue: Issue) -> None:
    token, value = issue()
    Token.objects.filter(pk=token.pk).update(rate_limit="1/hour")
    ask(value)
    problem = ask(value, "?statuses=401,403").json()
    recorder.flush()
    made = RecentRequest.objects.get(token=token, refused=True)
    assert (made.status, made.code) == (429, "rate_limited")
    assert problem["instance"].endswith(made.reference)
