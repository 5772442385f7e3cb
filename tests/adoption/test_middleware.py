"""TokenMiddleware in somebody else's project: no path is closed, and few answers wait."""

import asyncio
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import AsyncClient, Client
from django.urls import include, path
from django.views import View
from ninja import NinjaAPI
from pytest_django import Settings
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from config import urls
from tests.authentication.conftest import no_place_left, places_left
from tests.conftest import Issue, bearer, signed_in
from tests.run import patience
from tokens.authentication import change_wait
from tokens.core.waiting_places import MAX_PLACES
from tokens.decorators import public, token_required
from tokens.models import Scope
from tokens.ninja import TokenAuth
from tokens.rest_framework import TokenAuthentication
from tokens.token_settings import TokenSettings

OURS = "tokens.middleware.TokenMiddleware"
ninja = NinjaAPI(urls_namespace="changes")
# Django runs TokenMiddleware in the event loop only if all middleware below it can be run there.
ASYNC_MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    OURS,
]


def open_to_all(request: HttpRequest) -> HttpResponse:
    return HttpResponse("open")


@token_required
def theirs(request: HttpRequest) -> HttpResponse:
    return HttpResponse("theirs")


@token_required("reports:read")
async def slow(request: HttpRequest) -> JsonResponse:
    owner: Any = await request.auser()
    return JsonResponse({"user": owner.email, "same": request.user == owner})


def suspicious(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation


class Changes(APIView):  # type: ignore[misc]  # the package has no types
    authentication_classes = (TokenAuthentication,)
    permission_classes = (IsAuthenticated,)

    def post(self, request: Any) -> Response:
        return Response({})


@ninja.post("/change", auth=TokenAuth())
def change(request: HttpRequest) -> dict[str, str]:
    return {}


class Report(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("GET")


class AsyncReport(View):
    async def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("async GET")


urlpatterns = [
    path("api/rest", Changes.as_view()),
    path("api/ninja/", ninja.urls),
    path("api/suspicious", suspicious),
    path("api/public-suspicious", public(suspicious)),
    path("api/open", open_to_all),
    path("api/theirs", theirs),
    path("api/slow", slow),
    path("api/class", token_required("reports:read")(Report.as_view())),
    path("api/async-class", token_required("reports:read")(AsyncReport.as_view())),
    path("gate/", include("tokens.verify_urls")),
    path("tokens/v1/", include("tokens.api.urls")),
    *urls.urlpatterns,
]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]


@pytest.fixture(autouse=True)
def host(token_settings: TokenSettings) -> None:
    """Use the defaults that a project gets which sets nothing but PEPPERS."""
    token_settings.API_PREFIXES = ()
    token_settings.ALL_CHANGES_WAIT = False


@pytest.fixture(autouse=True)
def reports(db: None) -> None:
    Scope.objects.create(name="reports:read", words="Read reports")


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets for each wait what waits: a thread or an event loop."""
    slept: list[str] = []

    async def sleep(seconds: float) -> None:
        slept.append("event loop")

    thread = SimpleNamespace(sleep=lambda _: slept.append("thread"))
    monkeypatch.setattr(change_wait, "time", thread)
    monkeypatch.setattr(change_wait, "asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(change_wait, "is_on", True)
    monkeypatch.setattr(change_wait, "is_needed", lambda: True)
    return slept


def test_no_path_is_closed(owner_client: Client) -> None:
    assert owner_client.get("/api/open").content == b"open"


def test_forward_auth_is_where_the_project_mounts_it(issue: Issue) -> None:
    token, value = issue()
    answer = Client().post("/gate/verify/reports", headers=bearer(value))
    assert (answer.status_code, answer["X-Auth-Token"]) == (200, token.identifier)
    assert Client().get("/gate/verify").json()["code"] == "missing_credentials"


def test_the_api_is_where_the_project_mounts_it(issue: Issue) -> None:
    token, value = issue()
    answer = Client().get("/tokens/v1/token", headers=bearer(value))
    assert answer.json()["identifier"] == token.identifier
    assert Client().get("/tokens/v1/token").json()["code"] == "missing_credentials"


@pytest.mark.parametrize(
    ("address", "content"),
    [("/api/class", b"GET"), ("/api/async-class", b"async GET"), ("/api/slow", b'"same": true')],
)
def test_views_of_each_kind_require_their_scope(
    issue: Issue, address: str, content: bytes
) -> None:
    refused = Client().get(address, headers=bearer(issue()[1]))
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    answer = Client().get(address, headers=bearer(issue(scopes=["reports:read"])[1]))
    assert content in answer.content


@pytest.mark.parametrize("order", [ASYNC_MIDDLEWARE, [OURS, *ASYNC_MIDDLEWARE[:-1]]])
def test_a_session_beside_the_token_does_not_matter(
    issue: Issue, admin_client: Client, owner: User, settings: Settings, order: list[str]
) -> None:
    settings.MIDDLEWARE = order
    value = issue(scopes=["reports:read"])[1]
    answer = admin_client.get("/api/slow", headers=bearer(value))
    assert answer.json() == {"user": owner.email, "same": True}


def test_only_our_views_and_our_administration_wait(
    issue: Issue, owner: User, waits: list[str]
) -> None:
    User.objects.filter(pk=owner.pk).update(is_staff=True, is_superuser=True)
    token, value = issue(scopes=["tokens:write"])
    browser = signed_in(owner)
    assert browser.post("/api/open").status_code == 200
    assert Client().post("/api/theirs", headers=bearer(value)).status_code == 200
    assert browser.post(f"/admin/accounts/user/{owner.pk}/change/").status_code == 200
    assert waits == []
    own = [f"/settings/tokens/{token.identifier}/revoke/", "/admin/tokens/scope/add/"]
    for number, address in enumerate(own, start=1):
        assert browser.post(address).status_code in {200, 302, 422}
        assert len(waits) == number, address
    Client().delete("/tokens/v1/token", headers=bearer(value))
    assert len(waits) == 3


def test_an_event_loop_serves_and_waits_without_sleeping(
    issue: Issue, owner: User, waits: list[str], settings: Settings
) -> None:
    settings.MIDDLEWARE = ASYNC_MIDDLEWARE
    token, value = issue(scopes=["reports:read"])

    async def ask() -> None:
        browser = AsyncClient()
        await browser.aforce_login(owner)
        answer = await browser.get("/api/slow", headers=bearer(value))
        assert answer.json() == {"user": owner.email, "same": True}
        assert "RateLimit" in answer
        await browser.post(f"/settings/tokens/{token.identifier}/revoke/")
        answer = await browser.get("/api/slow", headers=bearer(value))
        assert answer.json()["code"] == "revoked_token"

    asyncio.run(ask())
    assert waits == ["event loop"]


def test_a_client_that_leaves_early_keeps_no_place(
    owner: User, waits: list[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MIDDLEWARE = ASYNC_MIDDLEWARE
    arrived, has_left = Event(), Event()

    def wait_until_left(request: HttpRequest) -> bool:
        arrived.set()
        return has_left.wait(patience(10))

    monkeypatch.setattr(change_wait, "is_identified", wait_until_left)

    async def leave() -> None:
        browser = AsyncClient()
        await browser.aforce_login(owner)
        task = asyncio.create_task(browser.post("/settings/tokens/revoke-all/"))
        assert await asyncio.to_thread(arrived.wait, patience(10))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        has_left.set()
        await sync_to_async(lambda: None)()  # after the thread has gone on

    asyncio.run(leave())
    assert places_left(change_wait.page_places) == MAX_PLACES


def test_an_error_of_their_page_is_answered_by_django() -> None:
    answer = Client().get("/api/suspicious")
    assert (answer.status_code, answer["Content-Type"]) == (400, "text/html; charset=utf-8")
    answer = Client().get("/api/public-suspicious")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize("address", ["/api/rest", "/api/ninja/change"])
@pytest.mark.parametrize("is_on", [True, False])
def test_views_that_check_tokens_themselves_wait_too(
    issue: Issue, token_settings: TokenSettings, waits: list[str], address: str, is_on: bool
) -> None:
    token_settings.ALL_CHANGES_WAIT = is_on
    assert Client().post(address, headers=bearer(issue()[1])).status_code == 200
    assert waits == ["thread"] * is_on
    assert Client().post(address).status_code == 401
    assert len(waits) == is_on


@pytest.mark.parametrize("address", ["/api/rest", "/api/ninja/change"])
def test_views_that_check_tokens_themselves_refuse_too_many_changes(
    issue: Issue, token_settings: TokenSettings, waits: list[str], address: str
) -> None:
    token_settings.ALL_CHANGES_WAIT = True
    with no_place_left(change_wait.program_places):
        answer = Client().post(address, headers=bearer(issue()[1]))
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert waits == []
