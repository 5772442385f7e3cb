"""Every flow works where JavaScript does not run."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage, cards, sign_in
from tests.browser.test_main_job import curl
from tests.server import Installation, Server


@pytest.fixture
def page(new_page: NewPage, site: Installation, server: Server) -> Page:
    page = new_page(java_script_enabled=False, expected=("422",))
    sign_in(page, server, site)
    return page


def test_create_use_revoke(page: Page, site: Installation, server: Server) -> None:
    page.goto(f"{server.url}/settings/tokens/new/")
    page.get_by_role("button", name="Create token").click()
    expect(page.locator(".errorlist")).to_contain_text("Give the token a name")
    page.get_by_label("Token name").fill("Plain")
    page.get_by_label("Staging").check()
    page.get_by_role("button", name="Create token").click()

    expect(page.get_by_text("You won't be able to see it again")).to_be_visible()
    value = page.locator("#token-value").input_value()
    assert re.fullmatch(r"tkn_test_\w{64}", value)
    expect(page.get_by_text("Select the value and copy it.")).to_be_visible()
    expect(page.get_by_role("button", name="Copy", exact=True)).to_be_hidden()
    for other in ("Copy as header", "Copy for the shell", "Copy code"):
        expect(page.get_by_role("button", name=other)).to_have_count(0)
    # This page has `Referrer-Policy: no-referrer`, so the server would refuse these two forms.
    for refused in ("Apply", "Sign out"):
        expect(page.get_by_role("button", name=refused)).to_have_count(0)
    for language in ("cURL", "Python", "JavaScript"):
        expect(page.get_by_role("heading", name=language, exact=True)).to_be_visible()
        expect(page.get_by_label(f"{language} example")).to_be_visible()
    status, body = curl(server, value)
    assert (status, body["name"]) == (200, "Plain")

    cards(page, "Plain").get_by_role("link", name="Revoke").click()
    expect(page).to_have_url(f"{server.url}/settings/tokens/{value[:24]}/revoke/")
    expect(page.get_by_role("heading", name="Revoke “Plain”?")).to_be_visible()
    page.get_by_role("link", name="Keep token").click()
    expect(page).to_have_url(f"{server.url}/settings/tokens/")
    cards(page, "Plain").get_by_role("link", name="Revoke").click()
    page.get_by_role("button", name="Revoke token").click()
    expect(page).to_have_url(f"{server.url}/settings/tokens/")
    expect(page.get_by_role("status")).to_contain_text("“Plain” is revoked")
    status, body = curl(server, value)
    assert (status, body["code"]) == (401, "revoked_token")


def test_scopes_and_addresses(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/settings/tokens/new/?scopes=tokens:read")
    page.get_by_label("Token name").fill("Restricted")
    expect(page.get_by_label("tokens:read")).to_be_checked()
    expect(
        page.get_by_text("Ask whether a token is valid, and what it may do").first
    ).to_be_visible()
    expect(
        page.get_by_text("What this token can do")
    ).to_be_hidden()  # it could not follow the choice
    for other in ("All read", "Clear", "None"):  # what only a script can do
        expect(page.get_by_role("button", name=other)).to_have_count(0)
    page.get_by_label("tokens:renew").check()
    page.locator("summary").filter(has_text="More").click()
    page.get_by_label("Allowed addresses").fill("10.0.0.5/8")
    page.get_by_label("Add my current address").check()
    page.get_by_role("button", name="Create token").click()
    expect(page.locator(".errorlist")).to_contain_text("did you mean 10.0.0.0/8?")
    expect(page.get_by_label("Allowed addresses")).to_have_value(
        re.compile(r"^10\.0\.0\.5/8\n203\.0\.\d+\.\d+$")
    )
    expect(page.get_by_label("tokens:renew")).to_be_checked()
    page.get_by_label("Allowed addresses").fill("10.0.0.0/8\n127.0.0.1")
    page.get_by_role("button", name="Create token").click()
    status, body = curl(server, page.locator("#token-value").input_value())
    assert (status, body["scopes"]) == (200, ["tokens:read", "tokens:renew"])
    assert body["allowed_addresses"] == ["10.0.0.0/8", "127.0.0.1/32"]
    cards(page, "Restricted").get_by_role("link", name="Restricted").click()
    expect(page.get_by_text("See your tokens")).to_be_visible()
    expect(page.get_by_text("10.0.0.0/8")).to_be_visible()


def test_filters_and_search(page: Page, server: Server, seeded: dict[str, str]) -> None:
    page.goto(f"{server.url}/settings/tokens/")
    filters = page.get_by_role("list", name="Filter by status")
    filters.get_by_role("link", name="Expired").click()
    expect(page).to_have_url(re.compile(r"\?status=expired$"))
    expect(filters.get_by_role("link", name="Expired")).to_have_attribute("aria-current", "true")
    expect(cards(page, "laptop")).to_have_count(1)
    expect(cards(page, "CI pipeline")).to_have_count(0)

    filters.get_by_role("link", name="All").click()
    page.get_by_label("Search by name or first characters").fill("pipe")
    page.get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile(r"\?q=pipe$"))
    expect(cards(page, "CI pipeline")).to_have_count(1)
    expect(cards(page, "Production API")).to_have_count(0)
    filters.get_by_role("link", name="Expired").click()
    expect(page).to_have_url(re.compile(r"\?q=pipe&status=expired$"))
    expect(page.get_by_text("No token matches “pipe”")).to_be_visible()

    page.get_by_role("link", name="Show all").click()
    page.get_by_role("list", name="Filter by environment").get_by_role(
        "link", name="Staging"
    ).click()
    filters.get_by_role("link", name="Expiring soon").click()
    expect(page).to_have_url(re.compile(r"\?status=expiring&environment=test$"))
    expect(cards(page, "CI pipeline")).to_have_count(1)
    expect(cards(page, "Production API")).to_have_count(0)

    page.goto(f"{server.url}/settings/tokens/")
    page.locator("summary").click()
    expect(cards(page, "old import")).to_be_visible()


def test_sign_out_after_creating_a_token(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/settings/tokens/new/")
    page.get_by_label("Token name").fill("The last one")
    page.get_by_role("button", name="Create token").click()
    page.get_by_role("link", name="Sign out").click()
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


def test_sign_out(page: Page, server: Server) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    page.goto(f"{server.url}/settings/tokens/")
    expect(page).to_have_url(re.compile(r"/accounts/login/\?next=/settings/tokens/$"))
