"""Every flow of an account without a mouse."""

import re

from playwright.sync_api import expect

from tests.browser.accounts.conftest import NEW_PASSWORD, TOKENS, Person, assert_signed_out, scripting, sign_out
from tests.browser.conftest import NewPage
from tests.browser.test_keyboard import tab_to
from tests.server import Server


@scripting
def test_password_change_by_keyboard(new_page: NewPage, server: Server, person: Person, scripting: bool) -> None:
    """No click from sign-in to the new password."""
    elsewhere = new_page()
    person.sign_in(elsewhere, server)
    page = new_page(java_script_enabled=scripting)
    page.goto(server.url)
    email = page.get_by_label("Email")
    if not email.evaluate("element => element === document.activeElement"):
        tab_to(page, email)
    page.keyboard.type(person.email)
    tab_to(page, page.get_by_label("Password"), limit=1)
    page.keyboard.type(person.password)
    tab_to(page, page.get_by_label("Remember me"))
    page.keyboard.press("Space")
    tab_to(page, page.get_by_role("button", name="Sign in", exact=True))
    page.keyboard.press("Enter")
    expect(page).to_have_url(TOKENS)
    tab_to(page, page.get_by_role("link", name="Security"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Security", exact=True)).to_be_visible()
    tab_to(page, page.get_by_role("link", name="Change password"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Change password")).to_be_visible()
    old = page.locator("#id_oldpassword")
    if not old.evaluate("element => element === document.activeElement"):
        tab_to(page, old)
    page.keyboard.type(person.password)
    for field in ("#id_password1", "#id_password2"):
        tab_to(page, page.locator(field), limit=2)
        page.keyboard.type(NEW_PASSWORD)
    tab_to(page, page.get_by_role("button", name="Change password"))
    page.keyboard.press("Enter")
    expect(page.locator("#id_oldpassword")).to_have_value("")
    expect(page.get_by_role("status")).to_contain_text(re.compile("password.*changed", re.IGNORECASE))
    assert_signed_out(elsewhere, server)
    sign_out(page)
    person.sign_in(page, server, NEW_PASSWORD)
