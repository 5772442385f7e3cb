"""The list: several tokens are selected, the order is chosen, and keys are short cuts."""

import re

import pytest
from playwright.sync_api import Page, StorageState, expect

from tests.browser.conftest import NewPage, cards, settled
from tests.server import Installation, Server

NAMES = ("Alpha", "Bravo", "Charlie", "Delta")


@pytest.fixture
def page(new_page: NewPage, site: Installation, server: Server, session: StorageState) -> Page:
    """Open the list of four tokens, the newest first: Delta, Charlie, Bravo, Alpha."""
    mine = f"Token.objects.filter(owner__email={site.email!r})"
    server.run(f"from tokens.models import Token; {mine}.delete()")
    for name in NAMES:
        site.issue(name)
    page = new_page(storage_state=session)
    page.goto(f"{server.url}/settings/tokens/")
    return page


def selected(page: Page) -> list[str]:
    """Return the names of the selected tokens, in the order of the list."""
    picked = page.locator(".tokens > li:has(:checked) h2 a")
    return picked.all_inner_texts()


def test_a_range_all_and_none(page: Page) -> None:
    page.get_by_label("Select Delta").click()
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.get_by_label("Select Bravo").click(modifiers=["Shift"])
    expect(page.get_by_role("status").filter(has_text="selected")).to_have_text("3 selected")
    assert selected(page) == ["Delta", "Charlie", "Bravo"]
    page.get_by_label("Select Delta").click(modifiers=["Shift"])
    assert selected(page) == ["Bravo"]
    page.get_by_role("button", name="Select all on this page").click()
    expect(page.get_by_text("4 selected")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("button", name="Clear")).to_be_hidden()
    expect(page.locator("#tokens")).to_be_focused()
    assert selected(page) == []


def test_the_selected_are_revoked(page: Page) -> None:
    page.get_by_label("Select Delta").check()
    page.get_by_label("Select Alpha").check()
    page.get_by_role("button", name="Revoke selected").click()
    page.get_by_role("button", name="Revoke 2 tokens").click()
    expect(page.get_by_role("status").first).to_contain_text("2 tokens revoked")
    expect(page.get_by_role("button", name="Revoke selected")).to_be_hidden()


def test_the_order_is_chosen_and_kept(page: Page) -> None:
    page.evaluate("window.loadedOnce = true")
    order = page.get_by_label("Sort")
    order.focus()
    order.select_option("Name")
    expect(page).to_have_url(re.compile(r"\?sort=name$"))
    expect(page.locator(".tokens h2 a")).to_have_text(NAMES)
    settled(page)
    expect(order).to_be_focused()
    page.get_by_role("link", name=re.compile("^Active")).click()
    expect(page).to_have_url(re.compile(r"\?status=active&sort=name$"))
    expect(order).to_have_value("name")
    assert page.evaluate("window.loadedOnce") is True


def test_the_order_without_javascript(
    new_page: NewPage, server: Server, session: StorageState, page: Page
) -> None:
    plain = new_page(storage_state=session, java_script_enabled=False)
    plain.goto(f"{server.url}/settings/tokens/?status=active")
    plain.get_by_label("Sort").select_option("Name")
    plain.get_by_role("button", name="Sort").click()
    expect(plain).to_have_url(re.compile(r"\?status=active&sort=name$"))
    expect(plain.locator(".tokens h2 a")).to_have_text(NAMES)
    plain.get_by_label("Select Bravo").check()
    expect(plain.get_by_role("button", name="Select all on this page")).to_be_hidden()
    count = plain.locator("#picked").evaluate("box => getComputedStyle(box, '::before').content")
    assert count == "counter(picked)"
    plain.get_by_role("button", name="Clear").click()
    expect(plain.get_by_role("button", name="Revoke selected")).to_be_hidden()


def test_keys(page: Page) -> None:
    search = page.get_by_label("Search by name or first characters")
    page.keyboard.press("/")
    expect(search).to_be_focused()
    page.keyboard.type("c/")
    expect(search).to_have_value("c/")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+c")
    expect(page).not_to_have_url(re.compile("/new/"))
    page.get_by_role("main").focus()
    page.keyboard.press("c")
    page.wait_for_url("**/settings/tokens/new/")


def test_keys_do_nothing_behind_a_dialog(page: Page) -> None:
    cards(page, "Delta").get_by_role("link", name="Revoke").click()
    expect(page.get_by_role("button", name="Keep token")).to_be_focused()
    page.keyboard.press("c")
    page.keyboard.press("/")
    expect(page.get_by_role("button", name="Keep token")).to_be_focused()
    expect(page).to_have_url(re.compile("/tokens/$"))
