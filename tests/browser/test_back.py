"""Back brings no value back, not even in a browser that keeps pages for it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Playwright, Route, StorageState, expect

from tests.browser.conftest import NewPage, cards, launched
from tests.browser.test_main_job import create
from tests.browser.test_reveal_once import assert_value_is_gone, form, go_back, send
from tests.server import Installation, Server, chromium

NOTE_RESTORING = "addEventListener('pageshow', event => { window.restored = event.persisted })"


@pytest.fixture(scope="module", autouse=True)
def other(site: Installation) -> None:
    """So that the list is never empty, and the form on a page of its own."""
    site.issue("Other")


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium with its back-forward cache, which the other files' quicker one does not have."""
    with launched(playwright, chromium(whole=True)) as started:
        yield started


def allow_keeping(route: Route) -> None:
    """Pass a page on without `no-store`, so that the browser keeps it for Back."""
    answer = route.fetch(max_redirects=0)
    headers = {name: value for name, value in answer.headers.items() if name != "cache-control"}
    route.fulfill(response=answer, headers=headers)


def test_back(new_page: NewPage, session: StorageState, server: Server) -> None:
    """The answer forbids the browser to keep the page."""
    page = new_page(storage_state=session)
    assert go_back_to_value(page, server, "Back") is False


def test_back_where_the_page_was_kept(
    new_page: NewPage, session: StorageState, server: Server
) -> None:
    """Where a browser keeps it all the same, the value was wiped from it."""
    page = new_page(storage_state=session)
    page.route("**/settings/**", allow_keeping)
    assert go_back_to_value(page, server, "Kept") is True
    expect(page.locator("#token-value")).to_have_value("")


def go_back_to_value(page: Page, server: Server, name: str) -> bool:
    """Leave the page with the value, go back, and return True if the page was cached."""
    page.add_init_script(NOTE_RESTORING)
    value = create(page, server, name)
    page.get_by_role("link", name="Activity").click()
    expect(page.get_by_role("heading", name="Activity")).to_be_visible()
    go_back(page)
    expect(page).to_have_url(f"{server.url}/settings/tokens/")
    expect(cards(page, name)).to_have_count(1)
    assert_value_is_gone(page, value)
    return bool(page.evaluate("window.restored"))


def test_back_without_javascript(new_page: NewPage, session: StorageState, server: Server) -> None:
    page = new_page(storage_state=session, java_script_enabled=False)
    value = create(page, server, "Back without JavaScript")
    page.get_by_role("link", name="Activity").click()
    expect(page.get_by_role("heading", name="Activity")).to_be_visible()
    go_back(page)
    expect(page.get_by_role("heading", name="Activity")).to_have_count(0)
    assert value not in page.content()


def test_back_to_the_form_without_javascript(
    new_page: NewPage, session: StorageState, server: Server
) -> None:
    """The server's headers make the browser fetch an empty form, so nothing is sent twice."""
    page = new_page(storage_state=session, java_script_enabled=False)
    form(page, server, "Once")
    nonce = page.locator("[name=nonce]").input_value()
    send(page)
    expect(page.locator("#token-value")).to_be_visible()
    go_back(page)
    expect(page.get_by_label("Token name")).to_have_value("")
    assert page.locator("[name=nonce]").input_value() != nonce
