"""The panel with the value of a new token: what stands where, and what each Copy copies."""

import pytest
from playwright.sync_api import Locator, Page, StorageState, expect

from tests.browser.conftest import NewPage, cards
from tests.browser.test_main_job import create
from tests.server import Installation, Server
from tokens.pages.code_examples import SHELL_LINE


@pytest.fixture(scope="module", autouse=True)
def other(site: Installation) -> None:
    """Make the list longer than the new token."""
    site.issue("Other")


@pytest.fixture
def page(new_page: NewPage, session: StorageState) -> Page:
    return new_page(storage_state=session, viewport={"width": 1280, "height": 800})


def edges(shown: Locator) -> tuple[int, int]:
    """Return the upper and the lower edge of the element."""
    found = shown.bounding_box()
    assert found is not None
    return round(found["y"]), round(found["y"] + found["height"])


def test_the_value_and_copy_stand_in_one_row(page: Page, server: Server) -> None:
    create(page, server, "One row")
    button = page.get_by_role("button", name="Copy", exact=True)
    assert edges(page.locator("#token-value")) == edges(button)
    expect(page.get_by_role("link", name="Done")).to_be_in_viewport(ratio=1)
    expect(page.get_by_label("cURL example")).to_be_in_viewport(ratio=1)


def test_copied_is_a_check_mark_on_green(page: Page, server: Server) -> None:
    create(page, server, "Green")
    button = page.locator(".reveal .button.primary")
    copy, check = button.locator("svg").all()
    expect(copy).to_be_visible()
    expect(check).to_be_hidden()
    width = button.bounding_box()
    button.click()
    expect(page.get_by_role("button", name="Copied")).to_have_css(
        "background-color", "rgb(26, 127, 55)"
    )
    expect(copy).to_be_hidden()
    expect(check).to_be_visible()
    assert width is not None
    page.get_by_role("button", name="Copy as header").click()  # and this one is as it was
    expect(copy).to_be_visible()
    assert button.bounding_box() == width


def test_each_copy_copies_what_it_says(page: Page, server: Server) -> None:
    value = create(page, server, "Copies")
    curl = f'curl -H "Authorization: Bearer $API_TOKEN" {server.url}/api/v1/token'
    for name, copied in {
        "Copy": value,
        "Copy as header": f"Authorization: Bearer {value}",
        "Copy for the shell": SHELL_LINE,
        "Copy code": curl,
    }.items():
        page.get_by_role("button", name=name, exact=True).click()
        expect(page.get_by_role("button", name="Copied")).to_have_count(1)
        assert page.evaluate("navigator.clipboard.readText()") == copied


def test_each_copy_says_what_is_in_the_clipboard(page: Page, server: Server) -> None:
    create(page, server, "Says")
    for name, said in {
        "Copy": "The value is copied.",
        "Copy as header": "The header is copied, with the value.",
        "Copy for the shell": "The line is copied, not the value.",
        "Copy code": "The code is copied.",
    }.items():
        button = page.get_by_role("button", name=name, exact=True)
        button.click()
        expect(page.get_by_role("status").filter(has_text="copied")).to_contain_text(said)
    page.get_by_role("button", name="Copy for the shell").click()
    line = page.get_by_label("Line for the shell")
    copied, then = page.get_by_text("The line is copied"), page.get_by_text("The shell waits")
    below = edges(copied)[0] - edges(line)[1]
    assert 0 < below < 24
    assert edges(line)[1] < edges(then)[0] < edges(page.get_by_text("Call the API:"))[0]


def test_the_hardened_code_is_folded_below(page: Page, server: Server) -> None:
    create(page, server, "Folded")
    page.get_by_role("tab", name="Python").click()
    hardened = page.get_by_label("Python with retries, by httpx")
    expect(hardened).to_be_hidden()
    page.get_by_text("With a time-out and retries, by httpx").click()
    expect(hardened).to_be_visible()
    page.locator(".code").filter(has=hardened).get_by_role("button").click()
    assert "import httpx" in page.evaluate("navigator.clipboard.readText()")


def test_the_new_row_is_tinted_until_done(page: Page, server: Server) -> None:
    create(page, server, "Tinted")
    tints = [
        cards(page, name).first.evaluate("row => getComputedStyle(row).backgroundColor")
        for name in ("Tinted", "Other")
    ]
    assert tints == ["rgb(218, 251, 225)", "rgba(0, 0, 0, 0)"]
    page.get_by_role("button", name="Copy", exact=True).click()
    page.get_by_role("link", name="Done").click()
    expect(page.locator("#token-value")).to_have_count(0)
    expect(cards(page, "Tinted")).to_have_css("background-color", "rgba(0, 0, 0, 0)")
