"""Real Chromium against the real server."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.conftest import make_installation
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
NewPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = chromium()
    if executable is None:
        pytest.skip("Chromium is not installed: apt-get install chromium, or set CHROMIUM to its path")
    with sync_playwright() as playwright:
        # Playwright turns the back-forward cache off unless told not to, and a test of Back would prove nothing.
        launched = playwright.chromium.launch(
            executable_path=executable, args=FLAGS, ignore_default_args=["--disable-back-forward-cache"]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation for the tests of one file."""
    yield from make_installation(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def server(site: Installation) -> Server:
    return site.server().start()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Pages in contexts of their own. Console errors and failed loads fail the test, but for those it expects."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def make(**options: Any) -> Page:
        expected = options.pop("expected", ())
        context = browser.new_context(**options)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()

        def listen(message: Any) -> None:
            if message.type in {"error", "warning"} and not any(text in message.text for text in expected):
                complaints.append(message.text)

        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


def sign_in(page: Page, server: Server, site: Installation) -> None:
    page.goto(server.url)
    page.get_by_label("Email").fill(site.email)
    page.get_by_label("Password").fill(site.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/settings/tokens/")


# pytest-django would refuse its database in Playwright's event loop; these tests never touch it in this process.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
