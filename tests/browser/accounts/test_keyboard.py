"""Every flow of an account without a mouse."""

import re
import secrets
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, StorageState, expect

from tests.browser.accounts.conftest import (
    NEW_PASSWORD,
    TOKENS,
    Person,
    assert_signed_out,
    invite,
    link_to,
    scripting,
)
from tests.browser.conftest import AUTHENTICATOR, NewPage, totp
from tests.browser.test_keyboard import tab_to
from tests.server import Server

pytestmark = pytest.mark.long


def go_to(page: Page, target: Locator) -> None:
    """By Tab, unless the focus is there already."""
    if not target.evaluate("element => element === document.activeElement"):
        tab_to(page, target)


def press(
    page: Page, name: str | re.Pattern[str], role: str = "button", key: str = "Enter"
) -> None:
    target = page.get_by_role(role, name=name, exact=isinstance(name, str))  # type: ignore[arg-type]
    go_to(page, target.first)
    page.keyboard.press(key)


def follow(page: Page, name: str | re.Pattern[str]) -> None:
    """A link, until its page is there: the next Tab would go round the old one."""
    with page.expect_navigation():
        press(page, name, "link")


def send(page: Page, name: str) -> None:
    """A form, by its button, until the answer is there."""
    with page.expect_navigation():
        press(page, name)


def write(page: Page, field: str, text: str) -> None:
    go_to(page, page.locator(field))
    page.keyboard.type(text)


def sign_in(page: Page, server: Server, person: Person) -> None:
    page.goto(server.url)
    write(page, "#id_login", person.email)
    write(page, "#id_password", person.password)
    send(page, "Sign in")


def choose(page: Page, password: str) -> None:
    write(page, "#id_password1", password)
    write(page, "#id_password2", password)


@scripting
def test_invitation(
    new_page: NewPage, server: Server, session: StorageState, mails: Path, scripting: bool
) -> None:
    ada = Person(f"ada-{secrets.token_hex(4)}@example.com", NEW_PASSWORD)
    invite(new_page(storage_state=session), server, ada.email)
    page = new_page(java_script_enabled=scripting)
    page.goto(link_to(mails, ada.email))
    choose(page, ada.password)
    send(page, "Choose password")
    follow(page, "Sign in")
    sign_in(page, server, ada)
    expect(page).to_have_url(TOKENS)


@scripting
def test_authenticator_app_and_recovery_code(
    new_page: NewPage, server: Server, person: Person, scripting: bool
) -> None:
    page = new_page(java_script_enabled=scripting)
    sign_in(page, server, person)
    follow(page, "Security")
    follow(page, "Set up an authenticator app")
    key = page.locator("#authenticator_secret").text_content() or ""
    write(page, "#id_code", totp(key))
    send(page, "Activate")
    codes = page.locator("#recovery_codes").input_value().split()
    for code in (totp(key, periods=1), codes[0]):
        send(page, "Sign out")
        sign_in(page, server, person)
        write(page, "#id_code", code)
        send(page, "Sign in")
        expect(page).to_have_url(TOKENS)
    follow(page, "Security")
    follow(page, "Deactivate the app")
    send(page, "Deactivate")
    expect(page.get_by_role("status")).to_contain_text("deactivated")


def test_passkey(new_page: NewPage, server: Server, person: Person) -> None:
    page = new_page()
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    sign_in(page, server, person)
    follow(page, "Security")
    follow(page, "Add a passkey")
    write(page, "#id_name", " and mine")
    send(page, "Add")
    send(page, "Sign out")
    send(page, "Sign in with a passkey")
    expect(page).to_have_url(TOKENS)
    follow(page, "Security")
    follow(page, "Manage the keys")
    follow(page, "Rename")
    write(page, "#id_name", " alone")
    send(page, "Save")
    follow(page, "Remove")
    expect(page.get_by_role("heading", level=1)).to_contain_text("alone")
    send(page, "Remove")
    expect(page.get_by_role("status")).to_contain_text("The key is removed")


@scripting
@pytest.mark.parametrize("button", ["End", "End all other sessions"])
def test_ending_a_session(
    new_page: NewPage, server: Server, person: Person, button: str, scripting: bool
) -> None:
    there = new_page()
    person.sign_in(there, server)
    page = new_page(java_script_enabled=scripting)
    sign_in(page, server, person)
    follow(page, "Sessions")
    send(page, button)
    expect(page.get_by_role("status")).to_contain_text(re.compile("The session of .* has ended"))
    assert_signed_out(there, server)


@scripting
def test_password_reset(
    new_page: NewPage, server: Server, person: Person, mails: Path, scripting: bool
) -> None:
    page = new_page(java_script_enabled=scripting)
    page.goto(server.url)
    follow(page, "Forgot your password?")
    write(page, "#id_email", person.email)
    send(page, "Send the link")
    page.goto(link_to(mails, person.email))
    choose(page, NEW_PASSWORD)
    send(page, "Choose password")
    follow(page, "Sign in")
    sign_in(page, server, person._replace(password=NEW_PASSWORD))
    expect(page).to_have_url(TOKENS)


@scripting
def test_password_change(
    new_page: NewPage, server: Server, person: Person, scripting: bool
) -> None:
    elsewhere = new_page()
    person.sign_in(elsewhere, server)
    page = new_page(java_script_enabled=scripting)
    page.goto(server.url)
    write(page, "#id_login", person.email)
    write(page, "#id_password", person.password)
    press(page, "Remember me on this device", "checkbox", key="Space")
    send(page, "Sign in")
    follow(page, "Security")
    follow(page, "Change password")
    write(page, "#id_oldpassword", person.password)
    choose(page, NEW_PASSWORD)
    send(page, "Change password")
    expect(page.get_by_role("status")).to_contain_text("Your password is changed")
    assert_signed_out(elsewhere, server)
    send(page, "Sign out")
    sign_in(page, server, person._replace(password=NEW_PASSWORD))
    expect(page).to_have_url(TOKENS)
