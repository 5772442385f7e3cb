"""Second factors, passkeys, and the sessions that signing in begins."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accounts.conftest import (
    TOKENS,
    Person,
    assert_signed_out,
    scripting,
    second_step,
    sign_out,
)
from tests.browser.conftest import AUTHENTICATOR, NewPage, totp
from tests.server import Server


@scripting
def test_authenticator_app_and_recovery_codes(
    new_page: NewPage, server: Server, person: Person, scripting: bool
) -> None:
    page = new_page(java_script_enabled=scripting, expected=("422",))
    person.sign_in(page, server)
    page.goto(f"{server.url}/settings/security/")
    page.get_by_role("link", name="Set up").click()
    key = page.locator("#authenticator_secret").text_content() or ""
    page.locator("#id_code").fill(totp(key))
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_role("status")).to_be_visible()
    page.goto(f"{server.url}/settings/security/")
    expect(page.get_by_role("link", name="Deactivate")).to_be_visible()
    page.get_by_role("link", name=re.compile("^Make (new codes|recovery codes)$")).click()
    page.locator("main button.primary").click()
    codes = page.locator("#recovery_codes").input_value().split()
    assert len(codes) == 10

    sign_out(page)
    person.fill_in(page)
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    expect(page.get_by_role("button", name="Use a security key")).to_have_count(0)
    second_step(
        page, totp(key, periods=1)
    )  # a code counts once, and the one of now was spent on setting up
    expect(page).to_have_url(TOKENS)
    sign_out(page)
    person.fill_in(page)
    second_step(page, codes[0])
    expect(page).to_have_url(TOKENS)
    sign_out(page)
    person.fill_in(page)
    second_step(page, codes[0])
    expect(page.locator(".errorlist")).to_be_visible()
    assert_signed_out_or_halfway(page, server)


def assert_signed_out_or_halfway(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/settings/tokens/")
    expect(page.get_by_role("heading", name="API tokens")).to_have_count(0)


@pytest.mark.parametrize("kind", ["passkey", "security key"])
def test_passkey(new_page: NewPage, server: Server, person: Person, kind: str) -> None:
    page = new_page()
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    person.sign_in(page, server)
    page.goto(f"{server.url}/settings/security/")
    page.get_by_role("link", name="Add").click()
    page.get_by_label("Name").fill("My key")
    page.get_by_label("Passkey").set_checked(kind == "passkey")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("status")).to_be_visible()
    page.goto(f"{server.url}/accounts/2fa/webauthn/")
    expect(page.get_by_role("heading", name="My key")).to_contain_text(kind.capitalize())
    sign_out(page)
    if kind == "passkey":
        page.get_by_role("button", name="Sign in with a passkey").click()
    else:
        person.fill_in(page)
        page.get_by_role("button", name="Use a security key").click()
    expect(page).to_have_url(TOKENS)


def test_a_key_that_fails_says_so(new_page: NewPage, server: Server, person: Person) -> None:
    page = new_page()
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    key = devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    person.sign_in(page, server)
    for outcome in ("added", "This device is already added."):
        page.goto(f"{server.url}/accounts/2fa/webauthn/add/")
        expect(page.get_by_label("Name")).to_have_value(re.compile("Chrome.* on "))
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_role("status")).to_contain_text(outcome)
    sign_out(page)
    devices.send("WebAuthn.removeVirtualAuthenticator", key)
    devices.send(
        "WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR | {"isUserVerified": False}}
    )
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("status")).to_contain_text(
        "The browser did not use a passkey or security key."
    )
    expect(page.locator("#tokenry-status p")).to_be_focused()


@scripting
@pytest.mark.parametrize("button", ["End", "End all other sessions"])
def test_sessions(
    new_page: NewPage, server: Server, person: Person, button: str, scripting: bool
) -> None:
    here = new_page(java_script_enabled=scripting)
    there = [new_page(java_script_enabled=scripting) for _ in range(1 if button == "End" else 2)]
    for page in (here, *there):
        person.sign_in(page, server)
    here.get_by_role("link", name="Sessions").click()
    expect(here.get_by_role("main").get_by_role("listitem")).to_have_count(1 + len(there))
    expect(here.get_by_text("This device")).to_have_count(1)
    here.get_by_role("button", name=button, exact=True).click()
    expect(here.get_by_role("main").get_by_role("listitem")).to_have_count(1)
    for page in there:
        assert_signed_out(page, server)
    here.goto(f"{server.url}/settings/tokens/")
    expect(here).to_have_url(TOKENS)
