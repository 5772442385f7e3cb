"""What goes by mail: an invitation, a sign-up, a new address, a new password."""

import re
import secrets
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import StorageState, expect

from tests.browser.accounts.conftest import (
    NEW_PASSWORD,
    Person,
    assert_signed_out,
    choose_password,
    invite,
    link_to,
    scripting,
    sign_out,
)
from tests.browser.conftest import NewPage
from tests.browser.test_main_job import curl
from tests.server import Installation, Server


@scripting
def test_invitation(
    new_page: NewPage, server: Server, session: StorageState, mails: Path, scripting: bool
) -> None:  # fmt: skip
    ada = Person(f"ada-{secrets.token_hex(4)}@example.com", NEW_PASSWORD)
    invite(new_page(storage_state=session, java_script_enabled=scripting), server, ada.email)
    page = new_page(java_script_enabled=scripting)
    link = link_to(mails, ada.email)
    page.goto(link)
    choose_password(page)
    page.goto(link)
    expect(page.locator("header.top")).to_be_visible()
    expect(page.locator("#id_password1")).to_have_count(0)
    ada.sign_in(page, server)


@scripting
def test_open_sign_up(
    new_page: NewPage, tmp_path_factory: pytest.TempPathFactory, mails: Path, scripting: bool
) -> None:
    settings = {"SIGNUP_OPEN": "true", "EMAIL_URL": f"filemail:///{mails}"}
    with closing(Installation(tmp_path_factory.mktemp("open"), **settings)) as site:
        server = site.server().start()
        grace = Person(f"grace-{secrets.token_hex(4)}@example.com", NEW_PASSWORD)
        page = new_page(java_script_enabled=scripting)
        page.goto(server.url)
        page.get_by_role("link", name="Sign up").click()
        page.get_by_label("Email").fill(grace.email)
        page.locator("#id_password1").fill(NEW_PASSWORD)
        page.locator("main button.primary").click()
        expect(page).to_have_url(re.compile("/accounts/confirm-email/$"))
        assert_signed_out(page, server)
        page.goto(link_to(mails, grace.email))
        page.locator("main button.primary").click()
        grace.sign_in(page, server)


@scripting
def test_new_email_address(
    new_page: NewPage, server: Server, person: Person, mails: Path, scripting: bool
) -> None:
    """It counts once it is verified, and not before."""
    page = new_page(java_script_enabled=scripting)
    person.sign_in(page, server)
    page.get_by_role("link", name="Profile").click()
    page.get_by_role("link", name="Change email address").click()
    new = person._replace(email=f"new-{person.email}")
    page.get_by_role("textbox", name="Email").fill(new.email)
    page.get_by_role("button", name="Change email address").click()
    expect(page.get_by_text(f"You sign in with {person.email}")).to_be_visible()
    page.goto(link_to(mails, new.email))
    page.locator("main button.primary").click()
    page.goto(f"{server.url}/settings/profile/")
    expect(page.get_by_text(f"You sign in with {new.email}")).to_be_visible()
    sign_out(page)
    new.sign_in(page, server)


@scripting
def test_password_reset(
    new_page: NewPage, site: Installation, person: Person, mails: Path, scripting: bool
) -> None:  # fmt: skip
    server = site.servers[0]
    value = site.issue("Kept", email=person.email)
    elsewhere = new_page()
    person.sign_in(elsewhere, server)
    page = new_page(java_script_enabled=scripting)
    page.goto(server.url)
    page.get_by_role("link", name="Forgot your password?").click()
    page.locator("#id_email").fill(person.email)
    page.locator("main button.primary").click()
    expect(page).to_have_url(re.compile("/accounts/password/reset/done/$"))
    page.goto(link_to(mails, person.email))
    choose_password(page)
    assert_signed_out(elsewhere, server)
    assert curl(server, value)[0] == 200
    person.sign_in(page, server, NEW_PASSWORD)
