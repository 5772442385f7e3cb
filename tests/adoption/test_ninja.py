"""TokenAuth in a project's own ninja API: sync and async operations."""

import pytest
from django.http import HttpRequest
from django.test import Client
from django.urls import path
from ninja import NinjaAPI
from ninja.security import django_auth

from accounts.models import User
from tests.conftest import signed_in
from tokens.models import Scope
from tokens.ninja import TokenAuth
from tokens.testing import issue, token_client
from tokens.token_settings import TokenSettings

api = NinjaAPI(urls_namespace="crm")


@api.get("/contacts", auth=TokenAuth("crm:read"))
def contacts(request: HttpRequest) -> dict[str, str]:
    return {"user": str(request.user)}


@api.post("/contacts", auth=TokenAuth("crm:write"))
def add(request: HttpRequest) -> dict[str, str]:
    return {"token": request.auth.name}  # type: ignore[attr-defined]  # ninja sets it


@api.get("/slow", auth=TokenAuth("crm:read"))
async def slow(request: HttpRequest) -> dict[str, str]:
    return {"user": str(request.user)}


@api.get("/either", auth=[TokenAuth("crm:read", optional=True), django_auth])
def either(request: HttpRequest) -> dict[str, str]:
    return {"user": str(request.user)}


urlpatterns = [path("crm/", api.urls)]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]


@pytest.fixture(autouse=True)
def host(token_settings: TokenSettings) -> None:
    token_settings.API_PREFIXES = ()
    for name in ("crm:read", "crm:write"):
        Scope.objects.create(name=name, words=name)


@pytest.mark.parametrize("address", ["/crm/contacts", "/crm/slow", "/crm/either"])
def test_a_token_with_the_scope_passes(owner: User, address: str) -> None:
    answer = token_client(issue(owner, ["crm:read"])).get(address)
    assert answer.json() == {"user": owner.email}
    assert "RateLimit" in answer


@pytest.mark.parametrize("address", ["/crm/contacts", "/crm/slow", "/crm/either"])
def test_a_token_without_the_scope_is_refused(owner: User, address: str) -> None:
    answer = token_client(issue(owner)).get(address)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_a_post_needs_no_csrf_token(owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    bearer = {"Authorization": f"Bearer {issue(owner, ['crm:write'], name='CI')}"}
    assert client.post("/crm/contacts", headers=bearer).json() == {"token": "CI"}


def test_no_token_is_refused_or_left_to_the_next(owner: User) -> None:
    assert Client().get("/crm/contacts").json()["code"] == "missing_credentials"
    assert Client().get("/crm/either").status_code == 401
    assert signed_in(owner).get("/crm/either").json() == {"user": owner.email}


def test_a_wrong_declaration_is_an_error() -> None:
    with pytest.raises(TypeError, match="takes names of scopes"):
        TokenAuth("crm:read", environment="production")
