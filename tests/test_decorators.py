"""What a view asks of a token: scopes, an environment, an address, not too often."""

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from config import urls
from tests.conftest import Issue, bearer
from tokens.authentication.policy import Requirement
from tokens.decorators import changes_no_decision, public, token_required
from tokens.models import Scope, ScopeNotAllowed, Token
from tokens.token_settings import TokenSettings


def answer(name: str) -> Callable[[HttpRequest], HttpResponse]:
    """A view of its own for each route."""
    return lambda _: HttpResponse(name)


handler400, handler500 = urls.handler400, urls.handler500
urlpatterns = [
    *urls.urlpatterns,
    path("api/any", token_required(answer("any"))),
    path("api/read", token_required("reports:read")(answer("read"))),
    path("api/both", token_required("reports:read", "reports:write")(answer("both"))),
    path("api/staging", token_required(environment="test")(answer("staging"))),
]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@pytest.fixture(autouse=True)
def catalogue(db: None) -> None:
    for name in ("reports:read", "reports:write"):
        Scope.objects.create(name=name, words=name)


def call(path: str, value: str, **options: Any) -> Any:
    return Client(**options).get(path, headers=bearer(value))


def test_forms_of_the_decorator() -> None:
    assert vars(token_required(answer("")))["requirement"] == Requirement()
    assert vars(token_required()(answer("")))["requirement"] == Requirement()
    assert vars(token_required("a:b", environment="dev")(answer("")))[
        "requirement"
    ] == Requirement(("a:b",), "dev")
    assert vars(public(answer("")))["requirement"] is None


@pytest.mark.parametrize("wrong", [{"environment": "prod"}, {"environment": None}])
def test_a_slip_in_the_declaration_is_found_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="live, test, dev"):
        token_required("a:b", **wrong)
    with pytest.raises(TypeError, match="live, test, dev"):
        token_required(["a:b"])  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="declared twice"):
        token_required("a:b")(token_required("c:d")(answer("")))


@pytest.mark.parametrize(
    ("scopes", "path", "missing"),
    [
        ([], "/api/any", ""),
        ([], "/api/read", "reports:read"),
        (["reports:read"], "/api/read", ""),
        (["reports:read"], "/api/both", "reports:write"),
        (["reports:read", "reports:write"], "/api/both", ""),
    ],
)
def test_all_scopes_are_needed(issue: Issue, scopes: list[str], path: str, missing: str) -> None:
    _, value = issue(scopes=scopes)
    response = call(path, value)
    if not missing:
        assert response.status_code == 200
        return
    assert (response.status_code, response.json()["code"]) == (403, "insufficient_scope")
    assert f"lacks the scope {missing}." in response.json()["detail"]
    needed = "reports:read reports:write" if path == "/api/both" else "reports:read"
    assert f'scope="{needed}"' in response["WWW-Authenticate"]
    assert response["RateLimit"].startswith('"token";r=999;t=')  # refused by policy, and counted


def test_a_scope_of_a_group_ends_with_the_membership(
    issue: Issue, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    group = Group.objects.create(name="Finance")
    owner.groups.add(group)
    _, plain = issue(scopes=["reports:read"])
    Scope.objects.create(name="books:read", words="Read the books", group=group)
    _, restricted = issue(scopes=["books:read", "reports:read"])
    with django_assert_num_queries(1):
        assert call("/api/read", plain).status_code == 200
    with django_assert_num_queries(2):
        assert call("/api/read", restricted).status_code == 200
    scope = Scope.objects.get(name="reports:read")
    scope.group = group
    scope.save()
    assert call("/api/read", plain).status_code == 200
    owner.groups.remove(group)
    assert call("/api/read", plain).json()["code"] == "insufficient_scope"
    assert call("/api/read", restricted).json()["code"] == "insufficient_scope"
    assert call("/api/any", restricted).status_code == 200


def test_a_deleted_scope_admits_nobody(issue: Issue) -> None:
    _, value = issue(scopes=["reports:read"])
    Scope.objects.get(name="reports:read").delete()
    assert call("/api/read", value).json()["code"] == "insufficient_scope"


def test_only_ones_own_scopes_can_be_given(issue: Issue) -> None:
    Scope.objects.create(
        name="books:read", words="Read", group=Group.objects.create(name="Finance")
    )
    for scope in ("books:read", "nothing:here"):
        with pytest.raises(ScopeNotAllowed, match=scope):
            issue(scopes=["reports:read", scope])
    assert not Token.objects.exists()


@pytest.mark.parametrize(
    ("environment", "accepted", "words"),
    [
        ("live", ("", "/api/any"), ""),
        ("test", ("", "/api/staging"), ""),
        (
            "live",
            ("", "/api/staging"),
            "is for Production (live); this endpoint accepts Staging (test)",
        ),
        ("live", ("live", "/api/any"), ""),
        (
            "dev",
            ("live", "/api/any"),
            "is for Development (dev); this endpoint accepts Production (live)",
        ),
        ("test", ("live", "/api/staging"), ""),
    ],
)
def test_environments(
    issue: Issue,
    token_settings: TokenSettings,
    environment: str,
    accepted: tuple[str, str],
    words: str,
) -> None:
    token_settings.ENVIRONMENT, path = accepted
    _, value = issue(environment=environment)
    response = call(path, value)
    if not words:
        assert response.status_code == 200
        return
    assert (response.status_code, response.json()["code"]) == (403, "wrong_environment")
    assert words in response.json()["detail"]


@pytest.mark.parametrize(
    ("address", "code"),
    [("192.0.2.7", None), ("192.0.3.7", "address_not_allowed"), ("", "address_not_allowed")],
)
def test_addresses(issue: Issue, address: str, code: str | None) -> None:
    _, value = issue(allowed_addresses=["192.0.2.0/24"])
    response = call("/api/any", value, REMOTE_ADDR=address)
    assert (
        response.status_code,
        response.headers["Content-Type"].startswith("application/problem"),
    ) == ((403, True) if code else (200, False))
    if code:
        assert response.json()["code"] == code


def test_a_limit_of_its_own(issue: Issue) -> None:
    token, value = issue()
    token.set_rate_limit("2/minute;3/hour")
    answers = [call("/api/read", value), call("/api/any", value), call("/api/any", value)]
    assert [it.status_code for it in answers] == [403, 200, 429]
    refused = answers[-1]
    assert refused["RateLimit-Policy"] == '"token-60";q=2;w=60, "token-3600";q=3;w=3600'
    assert (refused["X-RateLimit-Limit"], refused["X-RateLimit-Remaining"]) == ("2", "0")
    assert 0 < int(refused["Retry-After"]) <= 60
    body = refused.json()
    assert (body["code"], body["violated-policies"]) == ("rate_limited", ["token-60"])
    assert body["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert [event.detail for event in token.events.filter(kind="limited")] == [
        "the installation's → 2/minute;3/hour"
    ]
    with pytest.raises(ValueError, match="“often” is no limit"):
        token.set_rate_limit("often")


def test_only_failures_meet_the_limit_of_failures(
    issue: Issue, token_settings: TokenSettings
) -> None:
    token_settings.FAILED_AUTH_LIMIT = "2/minute"
    _, value = issue()
    codes = [call("/api/any", "tkn_live_x").json()["code"] for _ in range(3)]
    assert codes == ["malformed_token", "malformed_token", "rate_limited"]
    assert call("/api/any", value).status_code == 200
    assert Client().get("/api/any").json()["code"] == "missing_credentials"
    assert (
        call("/api/any", "tkn_live_x", REMOTE_ADDR="192.0.2.9").json()["code"] == "malformed_token"
    )


def test_a_million_commas_are_read_at_once() -> None:
    assert (
        Client().get("/api/any", headers={"Authorization": "," * 1_000_000}).json()["code"]
        == "missing_credentials"
    )


def test_an_async_view_that_changes_no_decision_stays_async() -> None:
    @token_required
    @changes_no_decision
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    assert iscoroutinefunction(view)
    assert vars(view)["changes_no_decision"] is True
