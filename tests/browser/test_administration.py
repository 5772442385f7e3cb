"""Django admin has our colours and theme, and its lists fit into the window."""

import pytest
from playwright.sync_api import StorageState, expect

from tests.browser.conftest import NewPage
from tests.browser.screens import Screens, faults, on_each_screen
from tests.browser.test_page import COLOURS
from tests.server import Installation, Server

PAGES = [
    "", "tokens/", "tokens/token/", "tokens/token/?status=active&q=a", "tokens/event/",
    "tokens/notification/", "tokens/scope/", "tokens/scope/add/", "accounts/user/",
    "accounts/user/add/", "accounts/user/1/change/", "tokens/token/overview/",
    "tokens/token/1/revoke/", "tokens/event/?address=nowhere",
    "tokens/token/leaving/?account=2&then=off",
    "tokens/tokenpolicy/", "tokens/tokenpolicy/add/",
]  # fmt: skip
# Pages that look like one of those.
ALIKE = [
    "tokens/token/1/change/", "tokens/event/1/change/", "tokens/scope/1/change/",
    "tokens/scope/1/delete/", "tokens/scope/1/history/", "accounts/user/2/delete/",
    "accounts/user/1/password/", "auth/group/", "auth/group/add/",
]  # fmt: skip


@pytest.fixture(scope="module")
def site(own_site: Installation) -> Installation:
    return own_site


@pytest.fixture(scope="module")
def somebody(site: Installation) -> None:
    """The second account, which may be deleted."""
    site.add_person("somebody@example.com")


@pytest.mark.usefixtures("seeded", "somebody")
@on_each_screen
@pytest.mark.parametrize(
    "path", [*PAGES, *(pytest.param(path, marks=pytest.mark.long) for path in ALIKE)]
)
def test_every_screen(
    new_page: NewPage, server: Server, session: StorageState, path: str, screens: Screens
) -> None:
    page = new_page(storage_state=session, bypass_csp=True)
    page.goto(f"{server.url}/admin/{path}")
    assert page.url == f"{server.url}/admin/{path}"  # not a redirect to another page
    assert faults(page, screens) == []


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("path", ["tokens/token/", "tokens/event/", "accounts/user/"])
def test_a_list_fits(new_page: NewPage, server: Server, session: StorageState, path: str) -> None:
    page = new_page(storage_state=session, viewport={"width": 1280, "height": 800})
    page.goto(f"{server.url}/admin/{path}")
    hidden = "table => table.scrollWidth - table.closest('.results').clientWidth"
    assert page.locator("#result_list").evaluate(hidden) <= 0


@pytest.mark.usefixtures("seeded")
def test_a_status_has_its_colour(new_page: NewPage, server: Server, session: StorageState) -> None:
    page = new_page(storage_state=session, color_scheme="light")
    page.goto(f"{server.url}/admin/tokens/token/")
    badges = page.locator(".badge")
    expect(badges.get_by_text("Active", exact=True).first).to_have_css("color", "rgb(17, 99, 41)")
    expect(badges.get_by_text("Expired", exact=True).first).to_have_css(
        "color", "rgb(179, 32, 43)"
    )


@pytest.mark.usefixtures("seeded")
def test_whose_is_this(
    new_page: NewPage, server: Server, session: StorageState, site: Installation
) -> None:
    """Without JavaScript, and what was pasted is neither on the page nor in the address."""
    token = site.issue("Pasted")
    page = new_page(storage_state=session, java_script_enabled=False)
    page.goto(f"{server.url}/admin/tokens/token/overview/")
    page.get_by_label("reference of a refused request").fill(f"Authorization: Bearer {token}")
    page.get_by_role("button", name="Look up").click()
    answer = page.get_by_role("status")
    expect(answer).to_contain_text("The secret was right")
    expect(answer.get_by_role("link", name="Revoke it")).to_be_visible()
    assert page.url == f"{server.url}/admin/tokens/token/overview/"
    assert token[24:] not in page.content()


def test_the_theme_is_that_of_the_other_pages(
    new_page: NewPage, server: Server, session: StorageState
) -> None:
    page = new_page(storage_state=session, color_scheme="light")
    body = page.locator("body")
    for theme in ("dark", "light", ""):
        page.goto(f"{server.url}/settings/tokens/")
        with page.expect_response("**/settings/theme/"):
            page.get_by_label("Theme").select_option(theme)
        page.goto(f"{server.url}/admin/")
        expect(body).to_have_css("background-color", COLOURS[theme or "light"])
    expect(page.get_by_role("button", name="Toggle theme")).to_have_count(0)
