"""A frozen or stopped Redis or PostgreSQL: no request is admitted or waits long; all recovers."""

import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import NamedTuple
from urllib.parse import urlencode

import pytest

from tests.quicker import first_quickly
from tests.run import until, within
from tests.services import PostgreSQL, Redis
from tests.system.calls import Answer, call
from tests.system.conftest import Site, Sites
from tokens.core.circuit_breaker import OPEN_SECONDS

API_SECONDS = 2  # a client waits so long for an answer of the API
PAGE_SECONDS = (
    5  # and for a page: its frozen connection costs 2 seconds, the try of another one less than 1
)
BACK = {"freeze": "thaw", "kill": "start"}


class Page(NamedTuple):
    status: int
    html: str
    retry_after: str | None
    cookies: dict[str, str]


def visit(
    site: Site, path: str, cookies: dict[str, str], form: dict[str, str] | None = None
) -> Page:
    connection = HTTPConnection("127.0.0.1", site.server.port, timeout=within(PAGE_SECONDS))
    headers = {
        "Host": f"localhost:{site.server.port}",
        "Cookie": "; ".join(f"{n}={v}" for n, v in cookies.items()),
    }
    if form:
        form = {**form, "csrfmiddlewaretoken": cookies["tokenry_csrftoken"]}
        headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": site.server.url}
    try:
        connection.request("POST" if form else "GET", path, urlencode(form or {}), headers)
        answer = connection.getresponse()
        found = (
            header.split(";")[0].split("=", 1)
            for header in answer.headers.get_all("Set-Cookie") or []
        )
        return Page(
            answer.status,
            answer.read().decode(),
            answer.headers["Retry-After"],
            cookies | dict(found),
        )
    finally:
        connection.close()


def sign_in(site: Site, cookies: dict[str, str]) -> Page:
    return visit(
        site,
        "/accounts/login/",
        cookies,
        {"login": site.installation.email, "password": site.installation.password},
    )


@pytest.fixture(scope="module")
def site(sites: Sites) -> Site:
    # Without leases, because what a process has leased is admitted without Redis.
    return sites(
        postgresql=True,
        redis=True,
        WEB_WORKERS="2",
        TOKEN_RATE_LIMIT="1000000/hour",
        TOKEN_LEASES="off",
    )


@pytest.fixture(scope="module")
def value(site: Site) -> str:
    return site.console.issue()


@pytest.fixture(scope="module")
def people(site: Site) -> tuple[dict[str, str], dict[str, str]]:
    """The cookies of a visitor, and of somebody who signed in."""
    visitor = visit(site, "/accounts/login/", {}).cookies
    signed_in = sign_in(site, visitor)
    assert signed_in.status == 302
    return visitor, signed_in.cookies


def check_refused(answer: Answer) -> None:
    assert (answer.status, answer.code) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def check_kind(page: Page) -> None:
    assert page.status == 503
    assert "Not available for the moment" in page.html
    assert page.retry_after == "5"


@pytest.mark.parametrize("how", first_quickly(BACK, 1))
@pytest.mark.parametrize("kind", [Redis, PostgreSQL])
def test_an_outage(
    site: Site,
    value: str,
    people: tuple[dict[str, str], dict[str, str]],
    kind: type[Redis | PostgreSQL],
    how: str,
) -> None:
    visitor, cookies = people
    service = site.redis if kind is Redis else site.postgresql
    assert service

    def ask(_: int = 0) -> Answer:
        return call(site.server.port, value, timeout=within(API_SECONDS))

    with ThreadPoolExecutor(12) as pool:

        def works() -> None:
            """In all processes, each of which notices by itself."""
            assert {answer.status for answer in pool.map(ask, range(100))} == {200}
            assert visit(site, "/settings/tokens/", cookies).status == 200

        works()
        getattr(service, how)()
        try:
            over = (
                time.monotonic() + 2.5 * OPEN_SECONDS
            )  # so that some requests try again meanwhile
            while time.monotonic() < over:
                for answer in pool.map(ask, range(12)):
                    check_refused(answer)
                if kind is PostgreSQL:
                    check_kind(visit(site, "/accounts/login/", cookies))
                    check_kind(visit(site, "/settings/tokens/", cookies))
                else:  # pages that count nothing need no Redis
                    assert visit(site, "/settings/tokens/", cookies).status == 200
                    check_kind(sign_in(site, visitor))
        finally:
            getattr(service, BACK[how])()
        until(works, AssertionError)
