"""The main job without a mouse: the focus is always somewhere sensible, and always visible."""

import pytest
from playwright.sync_api import Locator, Page, StorageState, expect

from tests.browser.conftest import NewPage, cards, settled
from tests.server import Installation, Server


def tab_to(page: Page, target: Locator, limit: int = 60) -> None:
    for _ in range(limit):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            assert (
                target.evaluate("element => getComputedStyle(element).outlineStyle") != "none"
            ), "unseen focus"
            return
    pytest.fail(f"the keyboard does not reach {target}")


def test_sign_in(new_page: NewPage, site: Installation, server: Server) -> None:
    page = new_page()
    page.goto(server.url)
    email = page.get_by_label("Email")
    if not email.evaluate("element => element === document.activeElement"):
        tab_to(page, email)
    page.keyboard.type(site.email)
    tab_to(page, page.get_by_label("Password"), limit=1)
    page.keyboard.type(site.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="API tokens")).to_be_visible()


def test_skip_link(new_page: NewPage, server: Server, session: StorageState) -> None:
    page = new_page(storage_state=session)
    page.goto(f"{server.url}/settings/tokens/")
    skip = page.get_by_role("link", name="Skip to the content")
    tab_to(page, skip, limit=1)
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_create_copy_use_revoke(
    new_page: NewPage, site: Installation, server: Server, session: StorageState
) -> None:
    site.issue("Other")
    page = new_page(storage_state=session)
    page.goto(f"{server.url}/settings/tokens/")
    create(page)
    copy(page)
    choose_language(page)
    revoke(page)


def create(page: Page) -> None:
    tab_to(page, page.get_by_role("link", name="Create token"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/settings/tokens/new/")
    expect(page.get_by_label("Token name")).to_be_focused()
    page.keyboard.type("Keyboard")
    tab_to(page, page.get_by_label("Description"), limit=1)
    tab_to(page, page.get_by_label("Production"), limit=1)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Staging")).to_be_checked()
    tab_to(page, page.get_by_label("90 days"), limit=1)
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("30 days")).to_be_checked()
    choose_scopes(page)
    restrict_addresses(page)
    tab_to(page, page.get_by_role("button", name="Create token"), limit=2)
    page.keyboard.press("Space")


def choose_scopes(page: Page) -> None:
    tab_to(page, page.get_by_role("button", name="Clear"), limit=1)
    tab_to(page, page.get_by_role("button", name="All read"), limit=1)
    tab_to(page, page.get_by_label("tokens:read"), limit=1)
    page.keyboard.press("Space")
    expect(page.get_by_label("tokens:read")).to_be_checked()
    expect(page.locator(".can")).to_contain_text("See your tokens")


def restrict_addresses(page: Page) -> None:
    tab_to(page, page.locator("summary").filter(has_text="More"), limit=4)
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label("Allowed addresses"), limit=1)
    page.keyboard.type("10.0.0.0/8")
    tab_to(page, page.get_by_label("Add my current address"), limit=1)
    page.keyboard.press("Space")
    expect(page.get_by_label("Add my current address")).to_be_checked()


def copy(page: Page) -> None:
    expect(page.get_by_role("heading", name="“Keyboard” created")).to_be_focused()
    value = page.locator("#token-value").input_value()
    assert value.startswith("tkn_test_")
    button = page.get_by_role("button", name="Copy", exact=True)
    tab_to(page, button, limit=2)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copied")).to_be_focused()
    assert page.evaluate("navigator.clipboard.readText()") == value


def choose_language(page: Page) -> None:
    languages = ("cURL", "Python", "JavaScript")
    tab_to(page, page.get_by_role("tab", name=languages[0]))
    for key, shown in {"ArrowRight": 1, "End": 2, "Home": 0, "ArrowLeft": 2}.items():
        page.keyboard.press(key)
        tab = page.get_by_role("tab", name=languages[shown], exact=True)
        expect(tab).to_be_focused()
        expect(tab).to_have_attribute("aria-selected", "true")
        expect(page.get_by_role("tabpanel")).to_have_count(1)
        expect(page.get_by_role("tabpanel", name=languages[shown])).to_be_visible()
    tab_to(page, page.get_by_label("JavaScript example"), limit=1)
    tab_to(page, page.get_by_role("button", name="Copy code"), limit=1)


def revoke(page: Page) -> None:
    opener = cards(page, "Keyboard").get_by_role("link", name="Revoke")
    tab_to(page, opener)
    for way_out in ("Escape", "Enter"):
        ask(page)
        page.keyboard.press(way_out)
        expect(page.get_by_role("dialog")).to_be_hidden()
        expect(opener).to_be_focused()
    ask(page)
    tab_to(page, page.get_by_role("button", name="Revoke token"), limit=1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#tokens")).to_be_focused()
    expect(page.get_by_role("status").first).to_contain_text("“Keyboard” is revoked")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#tokens') !== null")


def ask(page: Page) -> None:
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Keep token")).to_be_focused()
    settled(page)


@pytest.mark.parametrize("scripting", [True, False], ids=["script", "no-script"])
def test_field_error(
    new_page: NewPage, server: Server, session: StorageState, scripting: bool
) -> None:
    page = new_page(storage_state=session, java_script_enabled=scripting, expected=("422",))
    page.goto(f"{server.url}/settings/tokens/new/")
    name = page.get_by_label("Token name")
    tab_to(page, name)
    page.keyboard.press("Enter")
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_be_focused()
    described_by = (name.get_attribute("aria-describedby") or "").split()
    error = page.locator(".errorlist")
    expect(error).to_contain_text("Give the token a name")
    assert error.get_attribute("id") in described_by
    for identifier in described_by:
        expect(page.locator(f"#{identifier}")).to_have_count(1)
