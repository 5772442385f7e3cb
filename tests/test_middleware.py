"""What every request meets: /api/ closed and in one form, proxies, compression, headers."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path
from pytest_django import Settings

from config import middleware, urls
from config.environment import networks
from config.forwarded import client_address, client_and_scheme, plain_address
from tests.conftest import Issue, bearer
from tokens.decorators import public, token_required

View = Callable[[HttpRequest], HttpResponse]


def view(answer: View) -> View:
    """A function of its own for each route, because decorators write on it."""
    return partial(answer)


def refuse(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def miss(request: HttpRequest) -> HttpResponse:
    raise Http404


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError


def gone(request: HttpRequest) -> HttpResponse:
    raise {"OperationalError": OperationalError, "InterfaceError": InterfaceError}[request.GET["failure"]]


def where(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.build_absolute_uri())


def too_many(request: HttpRequest) -> HttpResponse:
    return HttpResponse("slow down", status=429, headers={"Retry-After": "7"})


def who(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{request.user} {request.COOKIES} {request.META['REMOTE_ADDR']} {request.scheme}")


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
def test_token_required_needs_no_csrf_and_takes_no_session(issue: Issue, owner: Any, address: str) -> None:
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


@pytest.mark.parametrize("path", ["/", "/api/v1/token", "/verify"])
def test_a_wrong_host_fills_no_log(path: str, caplog: pytest.LogCaptureFixture) -> None:
    Client(raise_request_exception=False).get(path, HTTP_HOST="x" * 2000 + ".example.com")
    assert "Traceback" not in caplog.text
    assert len(caplog.text) < 1000


@override_settings(SECURE_SSL_REDIRECT=True)
def test_the_api_never_redirects() -> None:
    assert Client().get("/api/public").status_code == 200
    assert Client().get("/page").status_code == 301


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.7, unknown", ""),
        ("10.0.0.1", "203.0.113.7:1234", "203.0.113.7"),
        ("10.0.0.1", "[2001:db8::1]:80", "2001:db8::1"),
        ("10.0.0.1", "fe80::1%eth0", ""),
        ("10.0.0.1", "fe80::1%" + "z" * 300, ""),
        ("10.0.0.1", "::ffff:203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "6.6.6.6, ::ffff:10.0.0.2", "6.6.6.6"),
        ("10.0.0.1", "2001:DB8::1", "2001:db8::1"),
        ("192.0.2.1", "203.0.113.7", "192.0.2.1"),
        ("", "203.0.113.7", ""),
    ],
)
def test_the_client_behind_proxies(settings: Settings, peer: str, forwarded_for: str, address: str) -> None:
    settings.TRUSTED_PROXIES = networks("10.0.0.0/8")
    assert client_address(peer, forwarded_for) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("fe80::1%eth0", ""),
        ("", ""),
        ("unix:", ""),
        ("1.2.3.4:99999", "1.2.3.4"),
        ("1.2.3", ""),
    ],
)
def test_one_spelling_of_an_address(text: str, address: str) -> None:
    assert plain_address(text) == address


def test_a_huge_cookie_is_dropped_before_anybody_unquotes_it() -> None:
    response = Client().get("/page", headers={"Cookie": 'tokenry_session="' + "\\" * 100_000 + '"'})
    assert response.content.startswith(b"AnonymousUser {}")


@pytest.mark.parametrize("octal", ["\\000", "\\001", "\\012", "\\177", "\\377", "\x00"])
def test_a_cookie_with_control_characters_is_no_failure(octal: str) -> None:
    response = Client(raise_request_exception=False).get(
        "/settings/tokens/", headers={"Cookie": f'tokenry_session="{octal}abcdefghijk"'}
    )
    assert response.status_code == 302
    seen = Client().get("/page", headers={"Cookie": f'tokenry_session="{octal}abcdefghijk"'}).content.decode()
    assert "\\x00" not in seen


def test_nothing_of_a_signed_in_person_is_kept(owner_client: Client) -> None:
    """After signing out, Back shows nothing."""
    for address in ("/accounts/email/", "/accounts/2fa/totp/activate/", "/page", "/nowhere"):
        assert "no-store" in owner_client.get(address)["Cache-Control"], address
    for address in ("/accounts/login/", "/accounts/password/reset/", "/accounts/nowhere/"):
        assert "no-store" in Client().get(address)["Cache-Control"], address
    assert "Cache-Control" not in Client().get("/page")


@pytest.mark.parametrize(("address", "code"), [("/api", "not_found"), ("//api/public", "not_found")])
def test_odd_spellings_of_the_prefix(address: str, code: str) -> None:
    assert Client().get("/", PATH_INFO=address).json()["code"] == code


@pytest.mark.parametrize("failure", ["OperationalError", "InterfaceError"])
def test_a_page_without_its_database_is_503(failure: str) -> None:
    for address in ("/gone", "/api/gone"):
        response = Client(raise_request_exception=False).get(address, {"failure": failure})
        assert response.status_code == 503
        assert int(response["Retry-After"]) > 0
    assert response.json()["code"] == "unavailable"


def test_somebody_signed_in_is_told_so_too(owner_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person is looked up in middleware, before any view."""

    def gone(*_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr("allauth.account.auth_backends.AuthenticationBackend.get_user", gone)
    owner_client.raise_request_exception = False
    assert owner_client.get("/settings/tokens/").status_code == 503


def test_a_broken_body_is_400_with_all_headers() -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.cookies["tokenry_csrftoken"] = "a" * 32
    kind = "application/x-www-form-urlencoded; charset=utf-7"
    response = client.generic("POST", "/accounts/login/", "csrfmiddlewaretoken=+AAA", content_type=kind)
    assert response.status_code == 400
    assert "default-src 'none'" in response["Content-Security-Policy"]


def test_the_policy_of_pages_is_whole() -> None:
    """Nothing but what comes from here, no frame around a page, no form that goes elsewhere."""
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


@pytest.mark.parametrize(
    ("peer", "seen"),
    [("10.0.0.1", "203.0.113.7 https"), ("127.0.0.2", "127.0.0.2 http"), ("127.0.0.1", "127.0.0.1 http")],
)
def test_only_a_trusted_proxy_is_believed(settings: Settings, peer: str, seen: str) -> None:
    settings.TRUSTED_PROXIES = networks("10.0.0.0/8")
    response = Client(REMOTE_ADDR=peer).get(
        "/api/public", headers={"X-Forwarded-For": "6.6.6.6, 203.0.113.7", "X-Forwarded-Proto": "https"}
    )
    assert response.content.decode().endswith(seen)


SCHEMES = {
    "https": "https", "HTTPS": "https", "https,https": "https", "https, http": "https", " https ,http": "https",
    "http": "http", "http, https": "http", "": "http", "httpsx": "http", ", https": "http",
}  # fmt: skip


@pytest.mark.parametrize(("told", "scheme"), SCHEMES.items())
def test_the_first_proxy_tells_the_scheme_of_the_client(settings: Settings, told: str, scheme: str) -> None:
    settings.TRUSTED_PROXIES = networks("10.0.0.0/8")
    settings.SECURE_SSL_REDIRECT = True
    client = Client(REMOTE_ADDR="10.0.0.1")
    assert client.get("/api/public", headers={"X-Forwarded-Proto": told}).content.decode().endswith(scheme)
    page = client.get("/page", headers={"X-Forwarded-Proto": told})
    assert page.status_code == (200 if scheme == "https" else 301)


def test_a_proxy_that_is_not_trusted_is_told_of_once(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(middleware, "untrusted", set())
    settings.TRUSTED_PROXIES = networks("10.0.0.0/8")
    for peer in ["192.0.2.1", "192.0.2.1", "10.0.0.1", *(f"198.51.100.{number}" for number in range(100))]:
        assert Client(REMOTE_ADDR=peer).get("/api/public", headers={"X-Forwarded-Proto": "https"}).status_code == 200
    assert caplog.text.count("X-Forwarded-Proto from 192.0.2.1 is not believed: TRUSTED_PROXIES does not name") == 1
    assert "10.0.0.1 is" not in caplog.text
    assert caplog.text.count("is not believed") == 10


FORWARDED = {  # what comes, from 10.0.0.1, and whom and which scheme that tells
    "for=203.0.113.7;proto=https": ("203.0.113.7", "https"),
    'For="203.0.113.7:47011";PROTO=HTTPS;by=10.0.0.1;host=x': ("203.0.113.7", "https"),
    'for="[2001:db8:cafe::17]:4711"': ("2001:db8:cafe::17", ""),
    "for=6.6.6.6;proto=https, for=203.0.113.7": ("203.0.113.7", ""),
    "for=6.6.6.6, for=203.0.113.7;proto=https, for=10.0.0.2;proto=http": ("203.0.113.7", "https"),
    'for=", for="[2001:db8::1]";proto=https': ("2001:db8::1", "https"),  # the client's quote is never closed
    'for="6.6.6.6\\", for=203.0.113.7': ("203.0.113.7", ""),
    "for=203.0.113.7, for=unknown": ("", ""),
    "for=203.0.113.7, for=_hidden;proto=https": ("", "https"),
    "proto=https": ("", "https"),
    'for="6.6.6.6, for=203.0.113.7"': ("", ""),
    'by="a;for=6.6.6.6";for=203.0.113.7': ("203.0.113.7", ""),
    'for=203.0.113.7;secret="x\\"y, for=6.6.6.6"': ("203.0.113.7", ""),
    "xfor=6.6.6.6;for=203.0.113.7": ("203.0.113.7", ""),
    'for=6.6.6.6, for="203.0.113.7': ("", ""),
    "": ("10.0.0.1", ""),
    ",,": ("10.0.0.1", ""),
    "nonsense": ("", ""),
}


@pytest.mark.parametrize(("header", "told"), FORWARDED.items())
def test_the_standard_header_is_read_from_the_right(settings: Settings, header: str, told: tuple[str, str]) -> None:
    settings.TRUSTED_PROXIES = networks("10.0.0.0/8")
    assert client_and_scheme("10.0.0.1", header) == told
    assert client_and_scheme("192.0.2.1", header) == ("192.0.2.1", "")


@pytest.mark.parametrize(
    ("setting", "peer", "seen"),
    [
        ("x-forwarded-for", "10.0.0.1", "203.0.113.1 http"),
        ("forwarded", "10.0.0.1", "203.0.113.2 https"),
        ("x-forwarded-for", "192.0.2.1", "192.0.2.1 http"),
        ("forwarded", "192.0.2.1", "192.0.2.1 http"),
    ],
)
def test_one_header_is_read_and_the_other_is_not(settings: Settings, setting: str, peer: str, seen: str) -> None:
    settings.TRUSTED_PROXIES = networks("10.0.0.0/8")
    settings.FORWARDED_HEADER = setting
    headers = {
        "X-Forwarded-For": "203.0.113.1",
        "X-Forwarded-Proto": "http",
        "Forwarded": "for=203.0.113.2;proto=https",
    }
    assert Client(REMOTE_ADDR=peer).get("/api/public", headers=headers).content.decode().endswith(seen)
    headers = {"Forwarded" if setting == "x-forwarded-for" else "X-Forwarded-For": "for=203.0.113.3"}
    assert Client(REMOTE_ADDR=peer).get("/api/public", headers=headers).content.decode().endswith(f"{peer} http")


def test_a_proxy_that_hides_the_client_leaves_its_address_unknown(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = networks("10.0.0.0/8")
    response = Client(REMOTE_ADDR="10.0.0.1").get("/api/public", headers={"X-Forwarded-For": "unknown"})
    assert response.content == b"AnonymousUser {}  http"
