"""The value is shown once, on one page. No step brings it back or creates a second token."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Dialog, Page, Response, Route, StorageState, expect

from tests.browser.conftest import NewPage, cards
from tests.browser.test_main_job import create
from tests.server import Installation, Server

STORES = """async () => JSON.stringify([
  {...localStorage}, {...sessionStorage}, document.cookie, history.state, location.href,
  window.name, await indexedDB.databases(), await caches.keys(),
])"""


@pytest.fixture(scope="module", autouse=True)
def other(site: Installation) -> None:
    """So that the list is never empty, and the form on a page of its own."""
    site.issue("Other")


@pytest.fixture
def page(new_page: NewPage, session: StorageState) -> Page:
    return new_page(storage_state=session)


def form(page: Page, server: Server, name: str) -> None:
    page.goto(f"{server.url}/settings/tokens/new/")
    page.get_by_label("Token name").fill(name)


def send(page: Page) -> None:
    page.get_by_role("button", name="Create token").click()


def go_back(page: Page) -> None:
    """Go back without waiting for a load, which a page from the back-forward cache lacks."""
    page.evaluate("history.back()")


def assert_value_is_gone(page: Page, value: str) -> None:
    assert value not in page.content()
    assert value not in page.evaluate("document.body.innerText")
    for field in page.locator("input, textarea").all():
        assert value not in field.input_value()


@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "no-htmx"])
def test_reload(new_page: NewPage, session: StorageState, server: Server, htmx: bool) -> None:
    """Also where htmx did not load: then the browser sends the form by itself."""
    page = new_page(storage_state=session, expected=("ERR_FAILED",))
    name = f"Reload {htmx}"
    if not htmx:
        page.route("**/htmx*.js", lambda route: route.abort())
    value = create(page, server, name)
    expect(page).to_have_url(f"{server.url}/settings/tokens/")
    answer = page.reload()
    assert answer is not None
    assert (answer.status, answer.request.method) == (200, "GET")
    assert_value_is_gone(page, value)
    expect(page.locator("#token-value")).to_have_count(0)
    expect(cards(page, name)).to_have_count(1)


def test_nothing_stores_it(page: Page, server: Server) -> None:
    value = create(page, server, "Stores")
    secret = value[24:]
    assert secret not in page.evaluate(STORES)
    assert secret not in json.dumps(page.context.storage_state())
    page.get_by_role("link", name="Activity").click()
    expect(page.get_by_role("heading", name="Activity")).to_be_visible()
    assert secret not in page.evaluate(STORES)
    assert secret not in json.dumps(page.context.storage_state(indexed_db=True))
    assert "htmx-history-cache" not in page.evaluate(STORES)


def assert_sent_already(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name="This form was already sent")).to_be_visible()
    expect(
        page.get_by_text(
            re.compile(rf"“{name}” was created at\s+\d\d:\d\d.*\s+and\s+can't be shown again")
        )
    ).to_be_visible()
    expect(page.locator("#token-value")).to_have_count(0)


def assert_one_token(page: Page, server: Server, name: str) -> None:
    page.goto(f"{server.url}/settings/tokens/?q={name}")
    expect(cards(page, name)).to_have_count(1)


@pytest.mark.parametrize("how", ["reload", "back"])
def test_sending_twice_without_javascript(
    new_page: NewPage, session: StorageState, server: Server, how: str
) -> None:
    page = new_page(storage_state=session, java_script_enabled=False, expected=("409",))
    name = f"Twice-{how}"
    form(page, server, name)
    page.get_by_label("Development").check()
    page.get_by_label("6 months").check()
    nonce = page.locator("[name=nonce]").input_value()
    send(page)
    value = page.locator("#token-value").input_value()
    with page.expect_response(is_post) as answer:
        if how == "reload":
            page.reload()
        else:
            page.go_back()
            page.get_by_label("Token name").fill(name)
            # Chromium fetches the form again. Other browsers restore its fields and the nonce.
            page.locator("[name=nonce]").evaluate(
                "(field, nonce) => { field.value = nonce }", nonce
            )
            page.get_by_label("Development").check()
            page.get_by_label("6 months").check()
            send(page)
    assert answer.value.status == 409
    assert_sent_already(page, name)
    assert value not in page.content()

    page.get_by_role("button", name="Revoke it and create another").click()
    expect(page).to_have_url(re.compile(r"/settings/tokens/new/\?"))
    expect(page.get_by_label("Token name")).to_have_value(name)
    expect(page.get_by_label("Development")).to_be_checked()
    expect(page.get_by_label("6 months")).to_be_checked()
    expect(page.get_by_role("status")).to_contain_text(f"“{name}” is revoked")
    page.goto(f"{server.url}/settings/tokens/?q={name}")
    page.locator("summary").click()
    expect(cards(page, name)).to_have_count(1)
    expect(cards(page, name)).to_contain_text("Revoked")


def is_post(response: Response) -> bool:
    return response.request.method == "POST"


def test_answer_lost_on_the_way(new_page: NewPage, session: StorageState, server: Server) -> None:
    """The server's answer is lost. Sending again says so and creates no second token."""
    page = new_page(storage_state=session, expected=("ERR_FAILED", "htmx:", "409"))
    form(page, server, "Lost")

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/settings/tokens/new/", lose, times=1)
    send(page)
    expect(page.get_by_text("We couldn't confirm that")).to_be_visible()
    send(page)
    assert_sent_already(page, "Lost")
    assert_one_token(page, server, "Lost")


def test_leaving_asks_once(page: Page, server: Server) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    create(page, server, "Leaving")
    expect(page.locator("#token-value")).to_be_visible()
    with page.expect_event("dialog"):
        page.get_by_role("link", name="Activity").click()
    expect(page.locator("#token-value")).to_have_value(re.compile("^tkn_live_"))
    page.get_by_role("link", name="Activity").click()
    expect(page.get_by_role("heading", name="Activity")).to_be_visible()
    assert asked == ["beforeunload"]


def test_back_from_a_filter_asks_too(page: Page, server: Server) -> None:
    """Choosing a filter keeps the value on the page; Back must not take it away in silence."""
    page.on("dialog", lambda dialog: dialog.dismiss())
    value = create(page, server, "Filtered")
    page.get_by_role("list", name="Filter by status").get_by_role("link", name="Active").click()
    expect(page).to_have_url(re.compile(r"\?status=active$"))
    expect(page.locator("#token-value")).to_have_value(value)
    with page.expect_event("dialog"):
        go_back(page)
    expect(page.locator("#token-value")).to_have_value(value)


@pytest.mark.parametrize("how", ["button", "keys"])
def test_leaving_after_copying_does_not_ask(page: Page, server: Server, how: str) -> None:
    asked: list[Any] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    value = create(page, server, f"Copied by {how}")
    if how == "button":
        page.get_by_role("button", name="Copy", exact=True).click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
    else:
        page.locator("#token-value").focus()
        page.keyboard.press("Control+A")
        page.keyboard.press("Control+C")
    assert page.evaluate("navigator.clipboard.readText()") == value
    page.get_by_role("link", name="Activity").click()
    expect(page.get_by_role("heading", name="Activity")).to_be_visible()
    assert asked == []


@pytest.mark.parametrize("scripting", [True, False], ids=["script", "no-script"])
def test_double_click(
    new_page: NewPage, session: StorageState, server: Server, scripting: bool
) -> None:
    page = new_page(storage_state=session, java_script_enabled=scripting, expected=("409",))
    name = f"Double-{scripting}"
    form(page, server, name)
    page.get_by_role("button", name="Create token").dblclick()
    value = page.locator("#token-value")
    if not scripting:  # a browser may send both, and show the second answer
        value = value.or_(page.get_by_role("heading", name="This form was already sent"))
    expect(value).to_be_visible()
    assert_one_token(page, server, name)


@pytest.mark.parametrize("width", [1280, 390])
def test_value_is_in_view(
    new_page: NewPage, session: StorageState, server: Server, width: int
) -> None:
    page = new_page(storage_state=session, viewport={"width": width, "height": 844})
    create(page, server, "In view")
    expect(page.locator("#token-value")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="Copy", exact=True)).to_be_in_viewport(ratio=1)


NO_CLIPBOARD = {  # what stands in place of the function that writes to it
    "plain-http": "undefined",
    "refused": "() => Promise.reject(new DOMException('no', 'NotAllowedError'))",
}


@pytest.mark.parametrize("instead", NO_CLIPBOARD.values(), ids=NO_CLIPBOARD)
@pytest.mark.parametrize(
    ("button", "before"), [("Copy", ""), ("Copy as header", "Authorization: Bearer ")]
)
def test_copy_without_the_clipboards_own_function(
    page: Page, server: Server, instead: str, button: str, before: str
) -> None:
    page.add_init_script(f"navigator.clipboard.writeText = {instead}")
    value = create(page, server, "On plain http")
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_role("button", name="Copied")).to_be_focused()
    assert page.evaluate("navigator.clipboard.readText()") == before + value
    page.get_by_role("link", name="Activity").click()  # and nobody is asked
    expect(page.get_by_role("heading", name="Activity")).to_be_visible()


def test_clipboard_refuses(page: Page, server: Server) -> None:
    """Select the value and show a text that fits a phone too, which has no keys to copy."""
    page.add_init_script(
        "navigator.clipboard.writeText = undefined; document.execCommand = () => false"
    )
    value = create(page, server, "Refused")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator("#copied")).to_have_text(
        "The browser did not allow Copy. The text is selected: press Ctrl+C or ⌘C."
    )
    expect(page.locator("#token-value")).to_be_focused()
    assert page.evaluate("getSelection().toString()") == value
    page.keyboard.press("Control+C")
    assert page.evaluate("navigator.clipboard.readText()") == value
