"""Cookies and transport where SITE_URL is https, as a browser behind a proxy meets them."""

import re
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlencode

import pytest

from tests.run import patience
from tests.server import Installation, Server

pytestmark = pytest.mark.services  # its installation is on the database that the suite runs on
HOST = "tokens.example.com"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    settings = {"SITE_URL": f"https://{HOST}", "TRUSTED_PROXIES": "127.0.0.1"}
    with closing(Installation(tmp_path_factory.mktemp("https"), **settings)) as made:
        yield made


@pytest.fixture(scope="module")
def server(site: Installation) -> Server:
    return site.server().start()


def ask(
    server: Server,
    path: str,
    form: dict[str, str] | None = None,
    scheme: str = "https",
    cookie: str = "",
) -> tuple[HTTPResponse, str]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=patience(3))
    headers = {
        "Host": HOST,
        "X-Forwarded-Proto": scheme,
        "Referer": f"https://{HOST}/",
        "Cookie": cookie,
    }
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request(
        "POST" if form else "GET", path, body=urlencode(form) if form else None, headers=headers
    )
    with closing(connection):
        response = connection.getresponse()
        return response, response.read().decode()


def cookies(response: HTTPResponse) -> dict[str, tuple[str, set[str]]]:
    """Each cookie's value and its attributes, by name."""
    found = {}
    for header in response.headers.get_all("Set-Cookie") or []:
        first, *attributes = header.split("; ")
        name, _, value = first.partition("=")
        found[name] = (
            value,
            {part for part in attributes if not part.startswith(("expires", "Max-Age"))},
        )
    return found


def test_cookies_and_hsts(server: Server, site: Installation) -> None:
    page, body = ask(server, "/accounts/login/")
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert list(cookies(page)) == ["__Host-tokenry_csrftoken"]
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', body)[0]
    value, _ = cookies(page)["__Host-tokenry_csrftoken"]
    form = {"login": site.email, "password": site.password, "csrfmiddlewaretoken": token}
    signed, _ = ask(server, "/accounts/login/", form, cookie=f"__Host-tokenry_csrftoken={value}")
    assert (signed.status, signed.headers["Location"]) == (302, "/settings/tokens/")
    both = cookies(page) | cookies(signed)
    assert set(both) == {"__Host-tokenry_csrftoken", "__Host-tokenry_session"}
    for _, attributes in both.values():
        assert attributes == {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"}
    session = both["__Host-tokenry_session"][0]
    assert (
        ask(server, "/settings/security/", cookie=f"__Host-tokenry_session={session}")[0].status
        == 200
    )
    assert ask(server, "/settings/security/", cookie=f"tokenry_session={session}")[0].status == 302


def test_plain_http_is_led_to_https(server: Server) -> None:
    response, _ = ask(server, "/accounts/login/", scheme="http")
    assert (response.status, response.headers["Location"]) == (
        301,
        f"https://{HOST}/accounts/login/",
    )
    assert cookies(response) == {}


@pytest.mark.parametrize("scheme", ["HTTPS", "https,https", "https, http"])
def test_a_second_proxy_does_not_lead_to_https_without_end(server: Server, scheme: str) -> None:
    assert ask(server, "/accounts/login/", scheme=scheme)[0].status == 200
