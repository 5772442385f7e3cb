"""The theme switch, for strangers and for people."""

from playwright.sync_api import Page, expect

from tests.browser.accounts.conftest import Person, scripting
from tests.browser.conftest import NewPage
from tests.browser.test_page import COLOURS
from tests.server import Server


@scripting
def test_theme_of_a_stranger(new_page: NewPage, server: Server, scripting: bool) -> None:
    """It belongs to the browser as long as nobody is signed in."""
    page = new_page(java_script_enabled=scripting, color_scheme="light")
    page.goto(f"{server.url}/accounts/password/reset/")
    choose_theme(page, "dark", scripting)
    expect(page).to_have_url(f"{server.url}/accounts/password/reset/")
    expect(page.locator("body")).to_have_css("background-color", COLOURS["dark"])
    page.goto(f"{server.url}/accounts/login/")
    expect(page.locator("body")).to_have_css("background-color", COLOURS["dark"])
    expect(page.get_by_label("Theme")).to_have_value("dark")


@scripting
def test_theme_of_a_person(
    new_page: NewPage, server: Server, person: Person, scripting: bool
) -> None:
    """It belongs to the person, in each of their browsers."""
    page = new_page(java_script_enabled=scripting, color_scheme="light")
    person.sign_in(page, server)
    choose_theme(page, "dark", scripting)
    expect(page.locator("body")).to_have_css("background-color", COLOURS["dark"])
    page.wait_for_load_state()
    page.reload()
    expect(page.locator("body")).to_have_css("background-color", COLOURS["dark"])
    other = new_page(java_script_enabled=scripting, color_scheme="light")
    person.sign_in(other, server)
    expect(other.locator("body")).to_have_css("background-color", COLOURS["dark"])


def choose_theme(page: Page, theme: str, scripting: bool) -> None:
    with page.expect_response("**/settings/theme/"):
        page.get_by_label("Theme").select_option(theme)
        if scripting:
            expect(page.get_by_role("button", name="Apply")).to_be_hidden()
        else:
            page.get_by_role("button", name="Apply").click()
