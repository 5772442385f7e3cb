"""The pages of single sign-on have our look, and axe-core finds no problem, also by keyboard."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from tests.accounts.oidc.fake_provider import CLIENT_ID, CLIENT_SECRET, FakeProvider
from tests.browser.conftest import NewPage
from tests.browser.screens import Screens, faults, on_each_screen
from tests.server import Installation, Server

CALLBACK, CONFIRM = "/accounts/oidc/callback/", "/accounts/oidc/confirm/"
# By path: words of the page, and its status.
OF_STRANGERS = {
    "/accounts/login/": ("Sign in with Example ID", 200),
    "/accounts/login/?password": ("Password", 200),
    f"{CALLBACK}?state=old": ("This sign-in is over", 400),
    "/accounts/password/reset/": ("Passwords and passkeys are not used here.", 403),
}


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with closing(FakeProvider()) as provider:
        yield provider


@pytest.fixture(scope="module")
def site(
    provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Return a site where people must sign in at the provider."""
    settings = {
        "OIDC_ISSUER": provider.issuer, "OIDC_CLIENT_ID": CLIENT_ID, "OIDC_NAME": "Example ID",
        "OIDC_CLIENT_SECRET": CLIENT_SECRET, "OIDC_ONLY": "true", "TRUSTED_PROXIES": "127.0.0.1",
    }  # fmt: skip
    with closing(Installation(tmp_path_factory.mktemp("site"), **settings)) as made:
        made.server().start()
        yield made


def refusals(statuses: set[int]) -> tuple[str, ...]:
    """Return what the browser complains of at pages with these statuses."""
    return tuple(f"status of {status}" for status in statuses)


@on_each_screen
def test_pages_of_strangers(new_page: NewPage, server: Server, screens: Screens) -> None:
    found = []
    page = new_page(bypass_csp=True, expected=refusals({400, 403}))
    for path, (words, status) in OF_STRANGERS.items():
        response = page.goto(server.url + path)
        assert response is not None
        assert response.status == status, path
        assert words in page.get_by_role("main").inner_text() + page.title(), path
        assert page.locator("h1").count() == 1, path
        found += faults(page, screens)
    assert found == []


@on_each_screen
def test_the_page_that_leads_to_the_provider(
    new_page: NewPage, server: Server, provider: FakeProvider, screens: Screens
) -> None:
    """Only the keyboard is used."""
    page = new_page(bypass_csp=True, expected=("ERR_ABORTED",))
    page.route(f"{provider.issuer}/**", lambda route: route.abort("aborted"))
    page.goto(f"{server.url}/accounts/login/")
    press_with_the_keyboard(page, "Sign in with Example ID")
    link = page.get_by_role("link", name="Continue")
    expect(link).to_be_visible()
    assert faults(page, screens) == []


@on_each_screen
def test_a_provider_that_is_away(
    new_page: NewPage, server: Server, provider: FakeProvider, screens: Screens
) -> None:
    page = new_page(bypass_csp=True, expected=refusals({503}))
    provider.status = 503
    try:
        page.goto(f"{server.url}/accounts/login/")
        page.get_by_role("button", name="Sign in with Example ID").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Example ID does not answer")
        assert faults(page, screens) == []
    finally:
        provider.status = 200


@on_each_screen
def test_confirm(new_page: NewPage, server: Server, site: Installation, screens: Screens) -> None:
    page = new_page(bypass_csp=True)
    page.goto(f"{server.url}/accounts/login/?password")
    page.get_by_label("Email").fill(site.email)
    page.get_by_label("Password").fill(site.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/settings/tokens/")
    page.goto(f"{server.url}{CONFIRM}?next=/settings/profile/delete/")
    expect(page.get_by_role("button", name="Confirm", exact=True)).to_be_visible()
    assert faults(page, screens) == []


def press_with_the_keyboard(page: Page, name: str) -> None:
    button = page.get_by_role("button", name=name)
    for _ in range(10):
        page.keyboard.press("Tab")
        if button.evaluate("element => element === document.activeElement"):
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"the Tab key does not reach {name}")
