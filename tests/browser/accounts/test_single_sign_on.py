"""Single sign-on in a browser: the button, the way to the provider and back, and the pages."""

import re
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.accounts.oidc.fake_provider import CLIENT_ID, CLIENT_SECRET, FakeProvider
from tests.browser.accounts.conftest import TOKENS, scripting, sign_out
from tests.browser.conftest import NewPage
from tests.browser.screens import Screens, faults, on_each_screen
from tests.server import Installation, Server

BUTTON = "Sign in with Example ID"


@pytest.fixture(scope="module")
def module_provider() -> Iterator[FakeProvider]:
    with closing(FakeProvider()) as provider:
        yield provider


@pytest.fixture(scope="module")
def site(
    browser: Browser, module_provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    settings = {
        "OIDC_ISSUER": module_provider.issuer, "OIDC_CLIENT_ID": CLIENT_ID,
        "OIDC_CLIENT_SECRET": CLIENT_SECRET, "OIDC_NAME": "Example ID",
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("site")
    with closing(Installation(folder, **settings, TRUSTED_PROXIES="127.0.0.1")) as made:
        made.server().start()
        yield made


@pytest.fixture
def provider(module_provider: FakeProvider) -> FakeProvider:
    module_provider.reset()
    return module_provider


def press(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/accounts/login/")
    page.get_by_role("button", name=BUTTON).click()


@scripting
def test_sign_in_and_confirm(
    new_page: NewPage, server: Server, provider: FakeProvider, *, scripting: bool
) -> None:
    """The policy of our pages lets the browser go to the provider, and over its other hosts."""
    page = new_page(java_script_enabled=scripting)
    press(page, server)
    expect(page).to_have_url(TOKENS)
    page.goto(f"{server.url}/accounts/oidc/confirm/?next=/settings/profile/")
    page.get_by_role("button", name="Confirm").click()
    expect(page).to_have_url(re.compile("/settings/profile/$"))
    sign_out(page)


def test_by_keyboard(new_page: NewPage, server: Server, provider: FakeProvider) -> None:
    page = new_page()
    page.goto(f"{server.url}/accounts/login/")
    expect(page.get_by_label("Email")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name=BUTTON)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(TOKENS)


@on_each_screen
def test_pages(
    new_page: NewPage, server: Server, provider: FakeProvider, screens: Screens
) -> None:
    page = new_page(bypass_csp=True, expected=("403",))
    page.goto(f"{server.url}/accounts/login/")
    found = faults(page, screens)
    provider.claims |= {"sub": "person-2", "email_verified": False}
    press(page, server)
    expect(page.locator("h1")).to_have_text("Your email address is not verified at Example ID")
    found += faults(page, screens)
    provider.reset()
    press(page, server)
    expect(page).to_have_url(TOKENS)
    page.goto(f"{server.url}/accounts/oidc/confirm/?next=/settings/profile/")
    found += faults(page, screens)
    assert found == []
