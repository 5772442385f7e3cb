"""Fresh authentication in the middle of a form: it loses no input and does nothing too soon."""

import re

from playwright.sync_api import Page, expect

from tests.browser.accounts.conftest import SIGN_IN, TOKENS, Person, scripting
from tests.browser.conftest import NewPage
from tests.browser.test_main_job import curl
from tests.server import Installation, Server

MAKE_STALE = """
from django.contrib.sessions.backends.db import SessionStore
session = SessionStore(KEY)
for record in session["account_authentication_methods"]:
    record["at"] -= 3600
session.save()
"""


def make_stale(page: Page, server: Server) -> None:
    """As if the person had last proved an hour ago who they are."""
    key = next(
        cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "tokenry_session"
    )
    server.run(MAKE_STALE.replace("KEY", repr(key)))


def confirm(page: Page, person: Person) -> None:
    expect(page).to_have_url(re.compile(r"/accounts/reauthenticate/\?next="))
    expect(page.locator("header.top")).to_have_count(1)
    expect(page.get_by_role("navigation", name="Settings")).to_have_count(0)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Confirm").click()


@scripting
def test_stale_while_creating_a_token(
    new_page: NewPage, server: Server, person: Person, scripting: bool
) -> None:
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
    count = (
        "from tokens.models import Token;"
        f" print(Token.objects.filter(owner__email={person.email!r}).count())"
    )
    assert server.run(count) == "0"
    page.get_by_role("button", name="Create token").click()
    expect(page.locator("#token-value")).to_have_value(re.compile("^tkn_test_"))
    expect(page).to_have_url(TOKENS if scripting else f"{server.url}/settings/tokens/new/")
    assert server.run(count) == "1"


@scripting
def test_stale_while_deleting_the_account(
    new_page: NewPage, site: Installation, server: Server, person: Person, scripting: bool
) -> None:
    value = site.issue("Kept", email=person.email)
    page = new_page(java_script_enabled=scripting)
    person.sign_in(page, server)
    page.get_by_role("link", name="Profile").click()
    page.get_by_role("link", name="Delete my account").click()
    expect(page.get_by_text("1 API token")).to_be_visible()
    make_stale(page, server)
    page.get_by_role("button", name="Delete my account").click()
    confirm(page, person)
    # The choice about the tokens is kept.
    expect(page).to_have_url(f"{server.url}/settings/profile/delete/?outcome=end")
    assert curl(server, value)[0] == 200
    page.get_by_role("button", name="Delete my account").click()
    expect(page).to_have_url(SIGN_IN)
    expect(page.get_by_role("status")).to_contain_text("Your account is deleted")
    assert curl(server, value)[0] == 401
    person.fill_in(page)
    expect(page.get_by_role("alert")).to_be_visible()
