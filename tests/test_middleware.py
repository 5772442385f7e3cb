"""Middleware: /api/ is closed and answers problems; errors of pages, cookies and headers."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from config import urls
from tests.conftest import Issue, bearer
from tokens.decorators import public, token_required

View = Callable[[HttpRequest], HttpResponse]


def view(answer: View) -> View:
    """Return a new function for each route, because decorators add attributes to the function."""
    return partial(answer)


def refuse(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def miss(request: HttpRequest) -> HttpResponse:
    raise Http404


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError


def gone(request: HttpRequest) -> HttpResponse:
    raise {"OperationalError": OperationalError, "InterfaceError": InterfaceError}[
        request.GET["failure"]
    ]


def where(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.build_absolute_uri())


def too_many(request: HttpRequest) -> HttpResponse:
    return HttpResponse("slow down", status=429, headers={"Retry-After": "7"})


def who(request: HttpRequest) -> HttpResponse:
    return HttpResponse(
        f"{request.user} {request.COOKIES} {request.META['REMOTE_ADDR']} {request.scheme}"
    )


handler400, handler500 = urls.handler400, urls.handler500
urlpatterns = [
    *urls.urlpatterns,
    path("api/undeclared", view(who)),
    path("api/public", public(view(who))),
    path("api/where", public(view(where))),
    path("api/closed", token_required(view(who))),
    path("api/slash/", public(view(who))),
    path("api/refuse", token_required(view(refuse))),
    path("api/miss", token_required(view(miss))),
    path("api/many", token_required(view(too_many))),
    path("api/fail", token_required(view(fail))),
    path("elsewhere", token_required(view(who))),
    path("page", view(who)),
    path("gone", view(gone)),
    path("api/gone", public(view(gone))),
]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


def test_a_view_that_declares_nothing_is_closed(issue: Issue, owner_client: Client) -> None:
    _, value = issue()
    response = owner_client.get("/api/undeclared", headers=bearer(value))
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")


def test_the_api_is_closed_under_a_script_prefix_too(owner_client: Client) -> None:
    response = owner_client.get("/", SCRIPT_NAME="/tokenry", PATH_INFO="/api/undeclared")
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")


def test_a_public_view_has_nobody_signed_in(issue: Issue, owner_client: Client) -> None:
    _, value = issue()
    response = owner_client.post("/api/public", headers=bearer(value))
    assert response.content == b"AnonymousUser {} 127.0.0.1 http"


@pytest.mark.parametrize("address", ["/api/closed", "/elsewhere"])
def test_token_required_needs_no_csrf_and_takes_no_session(
    issue: Issue, owner: Any, address: str
) -> None:
    _, value = issue()
    client = Client(enforce_csrf_checks=True)
    assert client.post(address, headers=bearer(value)).content.startswith(b"owner@example.com")
    client.force_login(owner)
    assert client.post(address).json()["code"] == "missing_credentials"


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("/api/refuse", 403, "forbidden"),
        ("/api/miss", 404, "not_found"),
        ("/api/nowhere", 404, "not_found"),
        ("/api/slash", 404, "not_found"),
        ("/api/fail", 500, "internal_error"),
    ],
)
def test_every_failure_has_one_form(issue: Issue, address: str, status: int, code: str) -> None:
    _, value = issue()
    client = Client(raise_request_exception=False)
    response = client.get(address, headers=bearer(value))
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response["Content-Type"] == "application/problem+json"


def test_a_views_own_failure_keeps_its_status_and_headers(issue: Issue) -> None:
    _, value = issue()
    response = Client().get("/api/many", headers=bearer(value))
    body = response.json()
    assert (response.status_code, body["status"], body["code"]) == (429, 429, "request_failed")
    assert body["title"] == "Too Many Requests"
    assert response["Retry-After"] == "7"
    assert response["Content-Type"] == "application/problem+json"
    assert int(response["Content-Length"]) == len(response.content)


def test_a_wrong_host_has_that_form_too() -> None:
    response = Client().get("/api/where", headers={"Host": "evil.example"})
    assert (response.status_code, response.json()["code"]) == (400, "bad_request")


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize("path", ["/", "/api/v1/token", "/verify"])
def test_a_wrong_host_fills_no_log(path: str, caplog: pytest.LogCaptureFixture) -> None:
    Client(raise_request_exception=False).get(path, HTTP_HOST="x" * 2000 + ".example.com")
    assert "Traceback" not in caplog.text
    assert len(caplog.text) < 1000


@override_settings(SECURE_SSL_REDIRECT=True)
def test_the_api_never_redirects() -> None:
    assert Client().get("/api/public").status_code == 200
    assert Client().get("/page").status_code == 301


def test_a_huge_cookie_is_dropped_before_anybody_unquotes_it() -> None:
    response = Client().get(
        "/page", headers={"Cookie": 'tokenry_session="' + "\\" * 100_000 + '"'}
    )
    assert response.content.startswith(b"AnonymousUser {}")


@pytest.mark.parametrize("octal", ["\\000", "\\001", "\\012", "\\177", "\\377", "\x00"])
def test_a_cookie_with_control_characters_is_no_failure(octal: str) -> None:
    response = Client(raise_request_exception=False).get(
        "/settings/tokens/", headers={"Cookie": f'tokenry_session="{octal}abcdefghijk"'}
    )
    assert response.status_code == 302
    seen = (
        Client()
        .get("/page", headers={"Cookie": f'tokenry_session="{octal}abcdefghijk"'})
        .content.decode()
    )
    assert "\\x00" not in seen


def test_nothing_of_a_signed_in_person_is_kept(owner_client: Client) -> None:
    """After signing out, the browser's Back button shows nothing."""
    for address in ("/accounts/email/", "/accounts/2fa/totp/activate/", "/page", "/nowhere"):
        assert "no-store" in owner_client.get(address)["Cache-Control"], address
    for address in ("/accounts/login/", "/accounts/password/reset/", "/accounts/nowhere/"):
        assert "no-store" in Client().get(address)["Cache-Control"], address
    assert "Cache-Control" not in Client().get("/page")


@pytest.mark.parametrize(
    ("address", "code"), [("/api", "not_found"), ("//api/public", "not_found")]
)
def test_odd_spellings_of_the_prefix(address: str, code: str) -> None:
    assert Client().get("/", PATH_INFO=address).json()["code"] == code


@pytest.mark.parametrize("failure", ["OperationalError", "InterfaceError"])
def test_a_page_without_its_database_is_503(failure: str) -> None:
    for address in ("/gone", "/api/gone"):
        response = Client(raise_request_exception=False).get(address, {"failure": failure})
        assert response.status_code == 503
        assert int(response["Retry-After"]) > 0
    assert response.json()["code"] == "unavailable"


def test_somebody_signed_in_is_told_so_too(
    owner_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Middleware looks the user up before any view runs."""

    def gone(*_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr("allauth.account.auth_backends.AuthenticationBackend.get_user", gone)
    owner_client.raise_request_exception = False
    assert owner_client.get("/settings/tokens/").status_code == 503


def test_a_broken_body_is_400_with_all_headers() -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.cookies["tokenry_csrftoken"] = "a" * 32
    kind = "application/x-www-form-urlencoded; charset=utf-7"
    response = client.generic(
        "POST", "/accounts/login/", "csrfmiddlewaretoken=+AAA", content_type=kind
    )
    assert response.status_code == 400
    assert "default-src 'none'" in response["Content-Security-Policy"]


def test_the_policy_of_pages_is_whole() -> None:
    """Only content from this site, no frame around a page, no form to another site."""
    lines = Client().get("/accounts/login/")["Content-Security-Policy"].split("; ")
    assert sorted(lines) == [
        "base-uri 'none'",
        "connect-src 'self'",
        "default-src 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "img-src 'self'",
        "object-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
    ]
