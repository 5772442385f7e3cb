"""An installation with a name, a colour and a logo of its own, in light and in dark."""

import re
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, StorageState, expect

from tests.browser.conftest import NewPage
from tests.browser.screens import Screens, faults
from tests.quicker import first_quickly
from tests.server import Installation, Server

EVERY: Screens = ((1280, "light"), (1280, "dark"), (390, "dark"))
COLOR = "#0a7d4f"  # with just enough contrast
DRAWN = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 1"><path d="M0 0h2v1z"/></svg>'
PAGES = ["/settings/tokens/", "/settings/tokens/new/", "/help/", "/api/v1/docs", "/admin/",
         "/settings/tokens/tkn_live_000000000000000/"]  # fmt: skip


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("acme")
    (folder / "logo.svg").write_text(DRAWN)
    look = {"PRODUCT_NAME": "Acme Keys", "ACCENT_COLOR": COLOR, "LOGO": f"{folder}/logo.svg"}
    with closing(Installation(folder, TRUSTED_PROXIES="127.0.0.1", **look)) as made:
        made.server().start()
        yield made


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("path", first_quickly(PAGES, 3))
def test_every_screen(new_page: NewPage, server: Server, session: StorageState, path: str) -> None:
    page = new_page(storage_state=session, bypass_csp=True, expected=["404"])
    page.goto(f"{server.url}{path}")
    expect(page).to_have_title(re.compile("Acme Keys"))
    assert faults(page, EVERY) == []


def test_signing_in(new_page: NewPage, server: Server) -> None:
    page = new_page(bypass_csp=True)
    page.goto(server.url)
    assert faults(page, EVERY) == []


def test_the_policy_lets_both_in(new_page: NewPage, server: Server) -> None:
    """The page's own Content-Security-Policy is in force here."""
    page = new_page(color_scheme="light")
    page.goto(server.url)
    button = page.get_by_role("button", name="Sign in", exact=True)
    expect(button).to_have_css("background-color", "rgb(10, 125, 79)")
    logo = page.locator(".brand img")
    assert logo.evaluate("image => [image.naturalWidth > 0, image.height, image.width]") == [
        True, 40, 80,
    ]  # fmt: skip
