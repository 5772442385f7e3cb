"""Accounts from the invitation to the end: mails, second factors, sessions and fresh authentication."""

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Page, StorageState, expect

from tests.browser.conftest import AUTHENTICATOR, NewPage, totp
from tests.browser.test_keyboard import tab_to
from tests.browser.test_main_job import curl
from tests.browser.test_page import COLOURS
from tests.conftest import make_installation
from tests.server import Installation, Server

NEW_PASSWORD = "quite another sentence of mine"
TOKENS = re.compile(r"/settings/tokens/$")
SIGN_IN = re.compile(r"/accounts/login/(\?next=.*)?$")
PEOPLE = """
from accounts.models import User
for number in range(40):
    User.objects.create_user(email=f"person{number}@example.com", password=PASSWORD)
"""
ISSUE = """
from datetime import timedelta
from django.utils import timezone
from accounts.models import User
from tokens.models import Token
owner = User.objects.get(email=EMAIL)
ends = timezone.now() + timedelta(days=90)
print(Token.objects.issue(owner=owner, name="Kept", environment="live", expires_at=ends)[1].value)
"""
MAKE_STALE = """
from django.contrib.sessions.backends.db import SessionStore
session = SessionStore(KEY)
for record in session["account_authentication_methods"]:
    record["at"] -= 3600
session.save()
"""
addresses = count(1)
scripting = pytest.mark.parametrize("scripting", [True, False], ids=["script", "no-script"])


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


@pytest.fixture(scope="module")
def mails(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the installations of this file put what they send."""
    return tmp_path_factory.mktemp("mails")


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory, mails: Path) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("site")
    yield from make_installation(folder, EMAIL_URL=f"filemail:///{mails}", TRUSTED_PROXIES="127.0.0.1")


@pytest.fixture
def new_page(new_page: NewPage) -> NewPage:
    """Browsers at different addresses: one alone would soon be told that it signs in too often."""

    def make(**options: Any) -> Page:
        return new_page(extra_http_headers={"X-Forwarded-For": f"203.0.113.{next(addresses)}"}, **options)

    return make


@pytest.fixture(scope="module")
def people(site: Installation, server: Server) -> Iterator[Person]:
    server.run(PEOPLE.replace("PASSWORD", repr(site.password)))
    return (Person(f"person{number}@example.com", site.password) for number in range(40))


@pytest.fixture
def person(people: Iterator[Person]) -> Person:
    """Somebody whom no other test knows."""
    return next(people)


def mail_to(mails: Path, address: str) -> EmailMessage:
    """The newest mail to that address."""
    for path in sorted(mails.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True):
        mail = message_from_bytes(path.read_bytes().rsplit(b"\n" + b"-" * 79, 1)[0], policy=policy.default)
        assert isinstance(mail, EmailMessage)
        if address in str(mail["To"]):
            return mail
    pytest.fail(f"no mail to {address}")


def link_to(mails: Path, address: str) -> str:
    """The first link of the newest mail to that address, which its text and its HTML agree on."""
    mail = mail_to(mails, address)
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    link = re.findall(r"http://[^/\s]+/\S+", text.get_content())[0]
    assert f'href="{link}"' in html.get_content()
    return str(link)


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


@scripting
def test_invitation(
    new_page: NewPage, server: Server, session: StorageState, mails: Path, scripting: bool
) -> None:  # fmt: skip
    ada = Person(f"ada-{scripting}@example.com".lower(), NEW_PASSWORD)
    administrator = new_page(storage_state=session, java_script_enabled=scripting)
    administrator.goto(f"{server.url}/admin/accounts/user/add/")
    administrator.locator("#id_email").fill(ada.email)
    administrator.locator("[name=_save]").click()
    expect(administrator.get_by_text(f"{ada.email} is invited by mail")).to_be_visible()

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
    for site in make_installation(tmp_path_factory.mktemp("open"), **settings):
        server = site.server().start()
        page = new_page(java_script_enabled=scripting)
        page.goto(server.url)
        page.get_by_role("link", name="Sign up").click()
        page.get_by_label("Email").fill("grace@example.com")
        page.locator("#id_password1").fill(NEW_PASSWORD)
        page.locator("main button.primary").click()
        expect(page).to_have_url(re.compile("/accounts/confirm-email/$"))
        assert_signed_out(page, server)
        page.goto(link_to(mails, "grace@example.com"))
        page.locator("main button.primary").click()
        Person("grace@example.com", NEW_PASSWORD).sign_in(page, server)


@scripting
def test_new_email_address(new_page: NewPage, server: Server, person: Person, mails: Path, scripting: bool) -> None:
    """It counts once it is verified, and not before."""
    page = new_page(java_script_enabled=scripting)
    person.sign_in(page, server)
    page.get_by_role("link", name="Profile").click()
    page.get_by_role("link", name="Change e-mail address").click()
    new = person._replace(email=f"new-{person.email}")
    page.get_by_role("textbox", name="Email").fill(new.email)
    page.get_by_role("button", name="Change e-mail address").click()
    expect(page.get_by_text(f"You sign in with {person.email}")).to_be_visible()
    page.goto(link_to(mails, new.email))
    page.locator("main button.primary").click()
    page.goto(f"{server.url}/settings/profile/")
    expect(page.get_by_text(f"You sign in with {new.email}")).to_be_visible()
    sign_out(page)
    new.sign_in(page, server)


def second_step(page: Page, code: str) -> None:
    expect(page).to_have_url(re.compile("/accounts/2fa/authenticate/"))
    page.locator("#id_code").fill(code)
    page.get_by_role("button", name=re.compile("^sign in$", re.IGNORECASE)).click()


@scripting
def test_authenticator_app_and_recovery_codes(
    new_page: NewPage, server: Server, person: Person, scripting: bool
) -> None:
    page = new_page(java_script_enabled=scripting, expected=("422",))
    person.sign_in(page, server)
    page.goto(f"{server.url}/settings/security/")
    page.get_by_role("link", name="Set up").click()
    key = page.locator("#authenticator_secret").input_value()
    page.locator("#id_code").fill(totp(key))
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_role("status")).to_be_visible()
    page.goto(f"{server.url}/settings/security/")
    expect(page.get_by_role("link", name="Deactivate")).to_be_visible()
    page.get_by_role("link", name=re.compile("^Make (new ones|recovery codes)$")).click()
    page.locator("main button.primary").click()
    codes = page.locator("#recovery_codes").input_value().split()
    assert len(codes) == 10

    sign_out(page)
    person.fill_in(page)
    second_step(page, totp(key, periods=1))  # a code counts once, and the one of now was spent on setting up
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


@scripting
@pytest.mark.parametrize("button", ["End", "End all others"])
def test_sessions(new_page: NewPage, server: Server, person: Person, button: str, scripting: bool) -> None:
    here = new_page(java_script_enabled=scripting)
    there = [new_page(java_script_enabled=scripting) for _ in range(1 if button == "End" else 2)]
    for page in (here, *there):
        person.sign_in(page, server)
    here.get_by_role("link", name="Sessions").click()
    expect(here.get_by_role("main").get_by_role("listitem")).to_have_count(1 + len(there))
    expect(here.get_by_text("This one")).to_have_count(1)
    here.get_by_role("button", name=button, exact=True).click()
    expect(here.get_by_role("main").get_by_role("listitem")).to_have_count(1)
    for page in there:
        assert_signed_out(page, server)
    here.goto(f"{server.url}/settings/tokens/")
    expect(here).to_have_url(TOKENS)


@scripting
def test_password_reset(new_page: NewPage, server: Server, person: Person, mails: Path, scripting: bool) -> None:
    value = server.run(ISSUE.replace("EMAIL", repr(person.email)))
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


def make_stale(page: Page, server: Server) -> None:
    """As if the person had last proved an hour ago who they are."""
    key = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "session")
    server.run(MAKE_STALE.replace("KEY", repr(key)))


def confirm(page: Page, person: Person) -> None:
    expect(page).to_have_url(re.compile(r"/accounts/reauthenticate/\?next="))
    expect(page.locator("header.top")).to_have_count(1)
    expect(page.get_by_role("navigation", name="Settings")).to_have_count(0)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Confirm").click()


@scripting
def test_stale_while_creating_a_token(new_page: NewPage, server: Server, person: Person, scripting: bool) -> None:
    page = new_page(java_script_enabled=scripting)
    person.sign_in(page, server)
    page.goto(f"{server.url}/settings/tokens/new/")
    page.get_by_label("Token name").fill("Typed & kept")
    page.get_by_label("Staging").check()
    page.get_by_label("30 days").check()
    make_stale(page, server)
    page.get_by_role("button", name="Create token").click()
    confirm(page, person)
    expect(page).to_have_url(re.compile(r"/settings/tokens/new/\?"))
    expect(page.get_by_label("Token name")).to_have_value("Typed & kept")
    expect(page.get_by_label("Staging")).to_be_checked()
    expect(page.get_by_label("30 days")).to_be_checked()
    expect(page.locator("#token-value")).to_have_count(0)
    count = f"from tokens.models import Token; print(Token.objects.filter(owner__email={person.email!r}).count())"
    assert server.run(count) == "0"
    page.get_by_role("button", name="Create token").click()
    expect(page.locator("#token-value")).to_have_value(re.compile("^tkn_test_"))
    expect(page).to_have_url(TOKENS if scripting else f"{server.url}/settings/tokens/new/")
    assert server.run(count) == "1"


@scripting
def test_stale_while_deleting_the_account(new_page: NewPage, server: Server, person: Person, scripting: bool) -> None:
    value = server.run(ISSUE.replace("EMAIL", repr(person.email)))
    page = new_page(java_script_enabled=scripting)
    person.sign_in(page, server)
    page.get_by_role("link", name="Profile").click()
    page.get_by_role("link", name="Delete my account").click()
    expect(page.get_by_text("1 API token")).to_be_visible()
    make_stale(page, server)
    page.get_by_role("button", name="Delete my account").click()
    confirm(page, person)
    expect(page).to_have_url(f"{server.url}/settings/profile/delete/")
    assert curl(server, value)[0] == 200
    page.get_by_role("button", name="Delete my account").click()
    expect(page).to_have_url(SIGN_IN)
    expect(page.get_by_role("status")).to_contain_text("Your account is deleted")
    assert curl(server, value)[0] == 401
    person.fill_in(page)
    expect(page.get_by_role("alert")).to_be_visible()


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
def test_theme_of_a_person(new_page: NewPage, server: Server, person: Person, scripting: bool) -> None:
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
