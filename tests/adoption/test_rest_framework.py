"""TokenAuthentication and HasScopes in views of Django REST framework."""

from contextlib import suppress
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import path
from django.utils import timezone
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.serializers import CharField, Serializer
from rest_framework.views import APIView

from accounts.models import User
from tests.conftest import Issue, bearer, signed_in
from tokens import checks
from tokens.decorators import token_required
from tokens.models import Scope, Token
from tokens.problems.problem import Problem
from tokens.rest_framework import HasScopes, TokenAuthentication, scopes_needed
from tokens.testing import issue as issue_value
from tokens.testing import token_client
from tokens.token_settings import TokenSettings


class Reports(APIView):  # type: ignore[misc]  # the package has no types
    authentication_classes: Any = (SessionAuthentication, TokenAuthentication)
    permission_classes = (HasScopes,)
    required_scopes = {"GET": ["reports:read"], "*": ["reports:write"]}

    def get(self, request: Any) -> Response:
        name = getattr(request.auth, "name", "")
        return Response({"user": str(request.user), "auth": name})

    def post(self, request: Any) -> Response:
        return Response({"made": True}, status=201)


class Alone(Reports):
    authentication_classes = (TokenAuthentication,)


class Beside(Reports):
    authentication_classes = (TokenAuthentication, BasicAuthentication)
    permission_classes = (IsAuthenticated,)


class Decorated(Reports):
    authentication_classes = (SessionAuthentication,)


class Late(Alone):
    """A view that goes on after a failed authentication. Its permissions ask again."""

    def perform_authentication(self, request: Any) -> None:
        with suppress(Problem):
            super().perform_authentication(request)


class NewReport(Serializer):  # type: ignore[misc]  # the package has no types
    name = CharField()


class Listed(Alone, GenericAPIView):  # type: ignore[misc]  # the package has no types
    required_scopes = {"GET": ["reports:read"], "POST": ["reports:write"]}
    serializer_class = NewReport


class Forgotten(Alone):
    required_scopes = {"GET": ["reports:read"]}


urlpatterns = [
    path("reports", Reports.as_view()),
    path("alone", Alone.as_view()),
    path("beside", Beside.as_view()),
    path("forgotten", Forgotten.as_view()),
    path("listed", Listed.as_view()),
    path("late", Late.as_view()),
    path("decorated-session", token_required(Decorated.as_view())),
    path("decorated", token_required("reports:read")(Alone.as_view())),
]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@pytest.fixture(autouse=True)
def host(token_settings: TokenSettings) -> None:
    token_settings.API_PREFIXES = ()
    for name in ("reports:read", "reports:write"):
        Scope.objects.create(name=name, words=name)


@pytest.mark.parametrize(
    ("method", "scopes", "status", "code"),
    [
        ("GET", ["reports:read"], 200, ""),
        ("HEAD", ["reports:read"], 200, ""),
        ("OPTIONS", ["reports:write"], 200, ""),
        ("POST", ["reports:write"], 201, ""),
        ("GET", ["reports:write"], 403, "insufficient_scope"),
        ("POST", ["reports:read"], 403, "insufficient_scope"),
        ("POST", [], 403, "insufficient_scope"),
        ("PUT", ["reports:write"], 405, ""),
    ],
)
def test_scopes_by_method(
    owner: User, method: str, scopes: list[str], status: int, code: str
) -> None:
    answer = token_client(issue_value(owner, scopes)).generic(method, "/alone")
    assert answer.status_code == status
    assert answer["X-RateLimit-Remaining"]
    if code:
        assert (answer["Content-Type"], answer.json()["code"]) == (
            "application/problem+json",
            code,
        )
        assert 'error="insufficient_scope"' in answer["WWW-Authenticate"]


def test_the_view_gets_the_owner_and_the_token(owner: User) -> None:
    answer = token_client(issue_value(owner, ["reports:read"], name="CI")).get("/reports")
    assert answer.json() == {"user": owner.email, "auth": "CI"}


def test_a_token_needs_no_csrf_and_a_session_does(owner: User, issue: Issue) -> None:
    _, value = issue(scopes=["reports:write"])
    browser = Client(enforce_csrf_checks=True)
    assert browser.post("/reports", headers=bearer(value)).status_code == 201
    browser.force_login(owner)
    assert browser.post("/reports").status_code == 403


def test_what_another_authentication_proves_passes(owner: User) -> None:
    assert signed_in(owner).get("/reports").json() == {"user": owner.email, "auth": ""}


@pytest.mark.parametrize(
    ("address", "header", "status", "challenge"),
    [
        ("/alone", None, 401, 'Bearer realm="api"'),
        ("/alone", "Bearer eyJhbGciOi", 401, 'error="invalid_token"'),
        ("/alone", "Bearer tkn_live_short", 401, 'error="invalid_token"'),
        ("/alone", "Token abc", 401, 'Bearer realm="api"'),
        ("/beside", "Bearer eyJhbGciOi", 401, 'Bearer realm="api"'),
        ("/beside", "Basic x y", 401, 'Bearer realm="api"'),
    ],
)
def test_refusals_have_a_challenge(
    address: str, header: str | None, status: int, challenge: str
) -> None:
    answer = Client().get(address, headers={"Authorization": header} if header else {})
    assert answer.status_code == status
    assert challenge in answer["WWW-Authenticate"]


def test_a_method_without_a_declaration_is_closed(owner: User) -> None:
    client = token_client(issue_value(owner, ["reports:read", "reports:write"]))
    assert client.get("/forgotten").status_code == 200
    with pytest.raises(ImproperlyConfigured, match=r"Forgotten\.required_scopes does not say"):
        client.post("/forgotten")


def test_a_decorated_view_asks_once(owner: User) -> None:
    client = token_client(issue_value(owner, ["reports:read"]))
    first = client.get("/decorated")
    assert first.status_code == 200
    left = int(first["X-RateLimit-Remaining"])
    assert int(client.get("/decorated")["X-RateLimit-Remaining"]) == left - 1


def test_a_session_class_beside_the_decorator_asks_for_scopes_too(owner: User) -> None:
    answer = token_client(issue_value(owner)).get("/decorated-session")
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    answer = token_client(issue_value(owner, ["reports:read"])).get("/decorated-session")
    assert answer.json()["user"] == owner.email


def test_a_revoked_token_is_refused_each_time_that_the_view_asks(owner: User) -> None:
    client = token_client(issue_value(owner, ["reports:read"]))
    assert client.get("/late").status_code == 200
    Token.objects.update(revoked_at=timezone.now())
    answer = client.get("/late")
    assert (answer.status_code, answer.json()["code"]) == (401, "revoked_token")


@pytest.mark.parametrize(
    ("scopes", "offered"), [(["reports:read"], False), (["reports:write"], True)]
)
def test_options_offers_what_the_token_may_do(
    owner: User, scopes: list[str], offered: bool
) -> None:
    answer = token_client(issue_value(owner, scopes)).options("/listed")
    assert (answer.status_code, "actions" in answer.json()) == (200, offered)


@pytest.mark.parametrize(
    "wrong", ["reports:read", {"reports:read"}, {"GET": "reports:read"}, {"GET": None}, None]
)
def test_scopes_in_a_wrong_shape_admit_nobody(wrong: Any) -> None:
    class Wrong(Reports):
        required_scopes = wrong

    with pytest.raises(ImproperlyConfigured, match="a dictionary of lists"):
        scopes_needed(Wrong(), "GET")
    checks.scopes_of_rest_framework()


def test_actions_of_a_view_set_come_first() -> None:
    class Set(APIView):  # type: ignore[misc]  # the package has no types
        action = "list"
        required_scopes = {"list": ["a:list"], "GET": ["a:read"]}

    assert scopes_needed(Set(), "GET") == ["a:list"]
    Set.action = "retrieve"
    assert scopes_needed(Set(), "GET") == ["a:read"]
    Set.required_scopes = ["a:all"]  # type: ignore[assignment]  # both forms are allowed
    assert scopes_needed(Set(), "DELETE") == ["a:all"]
