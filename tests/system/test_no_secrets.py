"""No part of a secret is kept in logs, metrics, the database or Redis, or shown on a page."""

import re
import sqlite3
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.run import patience
from tests.scrape import scrape
from tests.system.conftest import Site, Sites
from tests.system.test_outages import sign_in, visit
from tests.system.test_server import raw
from tokens.authentication.credentials import IDENTIFIER_LENGTH

PIECE = 20  # characters
METRICS = "m" * 32
CREATE = {
    "name": "Production API",
    "environment": "live",
    "expires": "90d",
    "scopes": "tokens:renew",
}
FORM = "Content-Type: application/x-www-form-urlencoded"
PAGES = [
    "/settings/tokens/", "/settings/tokens/?q={value}", "/settings/tokens/{value}/",
    "/settings/tokens/{identifier}/", "/settings/tokens/{identifier}/edit/",
    "/settings/tokens/{identifier}/revoke/", "/settings/activity/",
    "/settings/activity/?q={value}", "/settings/activity/export.csv",
    "/settings/activity/export.jsonl", "/settings/sessions/", "/settings/profile/",
    "/settings/tokens/calendar.ics", "/admin/tokens/token/", "/admin/accounts/user/", "/help/",
]  # fmt: skip


@pytest.fixture(
    scope="module",
    params=[
        pytest.param({}, id="SQLite"),
        pytest.param(
            {"postgresql": True, "redis": True, "WEB_WORKERS": "2"},
            id="PostgreSQL and Redis",
            marks=pytest.mark.long,
        ),
    ],
)
def site(request: pytest.FixtureRequest, sites: Sites) -> Site:
    return sites(**request.param, METRICS_TOKEN=METRICS, REQUEST_LOG="json")


def http(line: str, *headers: str, body: str = "") -> bytes:
    """A request as it travels."""
    head = [f"{line} HTTP/1.1", "Connection: close", *headers, f"Content-Length: {len(body)}"]
    if not any(header.startswith("Host") for header in headers):
        head.append("Host: localhost")
    return "\r\n".join([*head, "", body]).encode()


PATHS = [
    "/api/v1/token",
    "/api/nowhere",
    "/verify",
    "/metrics",
    "/settings/tokens/",
    "/nowhere",
    "/healthz",
]
HEADERS = [
    "User-Agent",
    "Referer",
    "Cookie",
    "Origin",
    "Host",
    "X-Forwarded-For",
    "Accept-Language",
    "X-Token",
]


def wrong_ways(value: str, cookie: str) -> Iterator[bytes]:
    """Yield requests that have the value in a wrong place or a wrong form."""
    api, good = "GET /api/v1/token", f"Authorization: Bearer {value}"
    for path in PATHS:
        for line in (f"GET {path}?access_token={value}", f"GET {path}/{value}", f"POST {path}"):
            yield http(line, good, cookie)
        yield http(f"POST {path}", FORM, cookie, body=f"token={value}")
        for name in HEADERS:
            yield http(f"GET {path}", good, f"{name}: {value}")
            yield http(f"GET {path}", cookie, f"{name}: https://localhost/?token={value}")
        yield http(
            f"GET {path}",
            f"Cookie: tokenry_session={value}; tokenry_csrftoken={value}; token={value}",
        )
    for wrong in (
        value, f"Basic {value}", f"Basic {b64encode(f'{value}:{value}'.encode()).decode()}",
        f"Token {value}", f"Bearer  {value}", f"Bearer {value} {value}", f"Bearer Bearer {value}",
        f"Bearer {value},{value}", f"Bearer {value}x", f"Bearer {value[:-1]}",
        f"Bearer {value[:50]}", f"Bearer {value[5:]}", f'Bearer "{value}"',
        f"Bearer {value[:30]} {value[30:]}", f"Bearer é{value}", f"Bearer {value}\t",
        f"Bearer\r\n {value}",
    ):  # fmt: skip
        yield http(api, f"Authorization: {wrong}")
        yield http(api, f"Authorization {wrong}")
    yield http(api, good, good)
    yield from (
        f"{line}\r\nHost: localhost\r\n\r\n".encode()
        for line in (value, f"{value} / HTTP/1.1", f"GET {value}")
    )


def forms(value: str, email: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Pages that take text, with the value for it."""
    for field in ("name", "description", "allowed_addresses", "scopes", "expires", "nonce"):
        yield "/settings/tokens/new/", {**CREATE, "nonce": "n" * 22, field: value}
    yield "/accounts/login/", {"login": email, "password": value}
    yield "/accounts/login/", {"login": value, "password": value}
    yield (
        f"/accounts/login/?{urlencode({'next': f'/settings/tokens/?token={value}'})}",
        {"login": email, "password": "x"},
    )
    yield "/accounts/password/reset/", {"email": value}
    for pasted in (
        value,
        f"curl -H 'Authorization: Bearer {value}' https://localhost/",
        value[:-1],
        value + "x",
    ):
        yield "/settings/tokens/troubleshoot/", {"pasted": pasted}
    yield (
        f"/settings/tokens/{value[:IDENTIFIER_LENGTH]}/edit/",
        {"name": value, "description": value},
    )


def create(site: Site, cookies: dict[str, str]) -> str:
    """The value of a token that is made on the page."""
    page = visit(site, "/settings/tokens/new/", cookies, CREATE | {"nonce": "f" * 22})
    assert page.status == 200
    return str(re.findall(r'id="token-value"[^>]*>(\w{73})<', page.html)[0])


def database(site: Site) -> bytes:
    """All that it holds: its text, and sessions, which are packed there."""
    sessions = site.console.evaluate("[each.get_decoded() for each in Session.objects.all()]")
    if site.postgresql:
        dump = [f"{site.postgresql.home}/pg_dump", "--data-only", site.postgresql.url]
        return (
            subprocess.run(dump, capture_output=True, check=True, timeout=patience(20)).stdout
            + str(sessions).encode()
        )
    with closing(
        sqlite3.connect(site.server.environment["DATABASE_URL"].removeprefix("sqlite:///"))
    ) as connection:
        text = "\n".join(connection.iterdump())
    return f"{text} {sessions}".encode()


def counters(site: Site) -> bytes:
    """All that Redis holds, as it is."""
    if not site.redis:
        return b""
    client: Any = site.redis.client
    client.config_set("rdbcompression", "no")
    return b" ".join(key + client.dump(key) for key in client.scan_iter())


def test_no_piece_of_a_secret_is_kept(site: Site) -> None:
    cookies = sign_in(site, visit(site, "/accounts/login/", {}).cookies).cookies
    first = create(site, cookies)
    values = [first, site.console.renew(first, "24h")]
    cookie = f"Cookie: tokenry_session={cookies['tokenry_session']}"
    for value in values:
        for request in wrong_ways(value, cookie):
            assert raw(site.server, request).startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")), request
    for path, form in forms(first, site.installation.email):
        visit(site, path, cookies, form)
    identifier = first[:IDENTIFIER_LENGTH]
    shown = "".join(
        visit(site, page.format(value=first, identifier=identifier), cookies).html
        for page in PAGES
    )
    metrics = scrape(site.server.port, METRICS)
    assert site.server.stop() == 0
    kept = {
        "pages": shown.encode(), "metrics": metrics.encode(), "log": site.server.log.read_bytes(),
        "database": database(site), "Redis": counters(site),
    }  # fmt: skip
    for place in ("pages", "log", "database"):
        assert identifier.encode() in kept[place], place
    for value in values:
        secret = value[IDENTIFIER_LENGTH:]
        for start in range(len(secret) - PIECE + 1):
            piece = secret[start : start + PIECE].encode()
            assert [place for place, text in kept.items() if piece in text] == []
