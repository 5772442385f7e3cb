"""Fixtures: people with accounts, and installations that write their mails to a folder."""

import re
import secrets
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, expect

from tests.run import until
from tests.server import Installation, Server

NEW_PASSWORD = "quite another sentence of mine"
TOKENS = re.compile(r"/settings/tokens/$")
SIGN_IN = re.compile(r"/accounts/login/(\?next=.*)?$")
scripting = pytest.mark.parametrize(
    "scripting",
    [pytest.param(True, id="script"), pytest.param(False, id="no-script", marks=pytest.mark.long)],
)


class Person(NamedTuple):
    """Somebody with an account."""

    email: str
    password: str

    def fill_in(self, page: Page, password: str = "") -> None:
        page.get_by_label("Email").fill(self.email)
        page.get_by_label("Password").fill(password or self.password)
        page.get_by_role("button", name="Sign in", exact=True).click()

    def sign_in(self, page: Page, server: Server, password: str = "") -> None:
        page.goto(server.url)
        self.fill_in(page, password)
        expect(page).to_have_url(TOKENS)


@pytest.fixture
def person(site: Installation) -> Person:
    """Somebody whom no other test knows."""
    return Person(site.add_person(f"person{secrets.token_hex(4)}@example.com"), site.password)


def mails_to(mails: Path, address: str) -> Iterator[EmailMessage]:
    """Yield the mails to `address`, the newest first.

    A file has all mails of one connection. Django ends each with a line, and may use the name of a
    file again within a second.
    """
    for path in sorted(mails.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True):
        *whole, _ = path.read_bytes().split(b"\n" + b"-" * 79 + b"\n")
        for content in reversed(whole):
            mail = message_from_bytes(content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            if address in str(mail["To"]):
                yield mail


def mail_to(mails: Path, address: str) -> EmailMessage:
    """Return the newest mail to `address`."""
    mail = next(mails_to(mails, address), None)
    assert mail, f"no mail to {address}"
    return mail


def link_to(mails: Path, address: str) -> str:
    """Return the first link of the newest mail to `address`, the same in its text and its HTML.

    Wait for the mail, which takes a moment.
    """
    until(lambda: mail_to(mails, address), AssertionError)
    return link_in(mail_to(mails, address))


def link_in(mail: EmailMessage) -> str:
    """Return the first link of a mail, the same in its text and its HTML."""
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    link = re.findall(r"https?://[^/\s]+/\S+", text.get_content())[0]
    assert f'href="{link}"' in html.get_content()
    return str(link)


def invite(administrator: Page, server: Server, email: str) -> None:
    """From admin, as administrators do."""
    administrator.goto(f"{server.url}/admin/accounts/user/add/")
    administrator.locator("#id_email").fill(email)
    administrator.locator("[name=_save]").click()
    expect(administrator.get_by_text(f"The invitation goes to {email}")).to_be_visible()


def choose_password(page: Page, password: str = NEW_PASSWORD) -> None:
    page.locator("#id_password1").fill(password)
    page.locator("#id_password2").fill(password)
    page.locator("main button.primary").click()
    expect(page.locator("#id_password1")).to_have_count(0)


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").first.click()
    expect(page).to_have_url(SIGN_IN)


def assert_signed_out(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/settings/tokens/")
    expect(page).to_have_url(SIGN_IN)


def second_step(page: Page, code: str) -> None:
    expect(page).to_have_url(re.compile("/accounts/2fa/authenticate/"))
    page.locator("#id_code").fill(code)
    page.get_by_role("button", name=re.compile("^sign in$", re.IGNORECASE)).click()
