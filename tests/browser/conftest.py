"""Real Chromium against the real server."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pyotp
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    Playwright,
    StorageState,
    expect,
    sync_playwright,
)

from tests import run
from tests.server import Installation, Server, chromium

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Chromium's virtual one, a fingerprint reader in the device
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
ADDRESSES = (f"203.0.{number // 256}.{number % 256}" for number in count(113 * 256))
NewPage = Callable[..., Page]
SEED = """
from datetime import timedelta
from django.utils import timezone
from accounts.models import User
from tokens.models import Token

now = timezone.now()
used = {"last_used_at": now - timedelta(hours=2), "last_used_address": "203.0.113.7"}
longest = {"last_used_at": now, "last_used_address": "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"}
for name, environment, days, changes in [
    ("Production API", "live", 90, used),
    ("CI pipeline", "test", 6, {}),
    ("laptop", "dev", -1, {}),
    ("old import", "live", 30, {"revoked_at": now}),
    ("n" * 100, "live", 1461, longest),
]:
    owner = User.objects.get(email=EMAIL)
    expires_at = now + timedelta(days=days)
    token, _ = Token.objects.issue(
        owner=owner, name=name, environment=environment, expires_at=expires_at
    )
    # The latest creation time keeps these tokens on the first page when tests create more.
    changes["created_at"] = now + timedelta(hours=1)
    Token.objects.filter(pk=token.pk).update(**changes)
    print(name, token.identifier, sep="\t")
mine = Token.objects.filter(owner__email=EMAIL)
mine.filter(name="n" * 100).update(made_by=mine.get(name="CI pipeline"))
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as driver:
        yield driver


@contextmanager
def launched(playwright: Playwright, executable: str | None, *flags: str) -> Iterator[Browser]:
    """Start that browser, and end it in the end."""
    if executable is None:
        pytest.skip(
            "Chromium is not installed: apt-get install chromium, or set CHROMIUM to its path"
        )
    # Playwright turns the back-forward cache off by default. Tests of Back need the cache.
    browser = playwright.chromium.launch(
        executable_path=executable,
        args=[*FLAGS, *flags],
        ignore_default_args=["--disable-back-forward-cache"],
    )
    try:
        yield browser
    finally:
        browser.close()


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with launched(playwright, chromium()) as started:
        yield started


@pytest.fixture(scope="module")
def site(browser: Browser, shared: Installation) -> Installation:
    """Return the installation of a test file.

    A file that changes more than its own tokens overrides this fixture.
    """
    return shared


@pytest.fixture(scope="module")
def own_site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation for the tests of one file alone."""
    with closing(
        Installation(tmp_path_factory.mktemp("site"), TRUSTED_PROXIES="127.0.0.1")
    ) as made:
        made.server().start()
        yield made


@pytest.fixture(scope="module")
def server(site: Installation) -> Server:
    return site.servers[0]


@contextmanager
def pages(browser: Browser) -> Iterator[NewPage]:
    """Give a function that opens a page in a context of its own, and close all of them in the end.

    Console errors and failed loads fail the test, but for those that the page is said to expect.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def make(**options: Any) -> Page:
        expected = options.pop("expected", ())
        expect.set_options(
            timeout=1000 * run.patience(3)
        )  # for each page: the load of the machine changes
        # Each context has its own address: many sign-ins from one address would soon be refused.
        context = browser.new_context(
            extra_http_headers={"X-Forwarded-For": next(ADDRESSES)}, **options
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.set_default_timeout(1000 * run.patience(5))
        contexts.append(context)
        page = context.new_page()

        def listen(message: Any) -> None:
            if message.type in {"error", "warning"} and not any(
                text in message.text for text in expected
            ):
                complaints.append(f"{message.text} ({message.location['url']})")

        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    try:
        yield make
    finally:
        for context in contexts:
            context.close()
    assert complaints == []


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    with pages(browser) as make:
        yield make


def sign_in(page: Page, server: Server, site: Installation, email: str = "") -> None:
    page.goto(server.url)
    page.get_by_label("Email").fill(email or site.email)
    page.get_by_label("Password").fill(site.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/settings/tokens/")


def session_of(
    browser: Browser, server: Server, site: Installation, email: str = ""
) -> StorageState:
    """The cookies of somebody signed in; `new_page(storage_state=...)` starts with them."""
    with pages(browser) as new_page:
        page = new_page()
        sign_in(page, server, site, email)
        return page.context.storage_state()


@pytest.fixture(scope="module")
def session(browser: Browser, server: Server, site: Installation) -> StorageState:
    return session_of(browser, server, site)


@pytest.fixture(scope="module")
def seeded(site: Installation) -> dict[str, str]:
    """Return identifiers by name: tokens in each status, and a token with the longest name."""
    printed = site.servers[0].run(SEED.replace("EMAIL", repr(site.email)))
    return dict(line.split("\t") for line in printed.splitlines())


def totp(secret: str, periods: int = 0) -> str:
    """Return the code of an authenticator app with this key, `periods` * 30 seconds from now."""
    return str(pyotp.TOTP(secret).at(int(time.time()) + 30 * periods))


def cards(page: Page, name: str) -> Locator:
    """The tokens of that name in the list."""
    return page.locator("#tokens .cards > li").filter(
        has=page.get_by_role("link", name=name, exact=True)
    )


def settled(page: Page) -> None:
    """Wait until htmx has finished: 20 ms after a swap it adds listeners and sets the focus."""
    expect(page.locator(".htmx-settling")).to_have_count(0)


# Django refuses databases in a thread with an event loop, and Playwright runs an event loop
# in this thread. Nothing else waits for that loop.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
