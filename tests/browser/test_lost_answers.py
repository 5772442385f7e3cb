"""Lost answers: the session, the network or the server ended. No input is lost."""

import re

import pytest
from playwright.sync_api import Route, StorageState, expect

from tests.browser.conftest import NewPage
from tests.server import Installation, Server


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("doing", ["filter", "dialog", "create"])
def test_session_ended(
    new_page: NewPage, site: Installation, server: Server, session: StorageState, doing: str
) -> None:
    """Sign-in takes the whole page, not the fragment, and leads back."""
    page = new_page(storage_state=session)
    path = "/settings/tokens/new/" if doing == "create" else "/settings/tokens/"
    page.goto(server.url + path)
    page.context.clear_cookies(name="tokenry_session")
    if doing == "filter":
        page.get_by_role("link", name=re.compile("^Active")).click()
    elif doing == "dialog":
        page.locator("[hx-target='#tokenry-dialog']").first.click()
    else:
        page.get_by_label("Token name").fill("Too late")
        page.get_by_role("button", name="Create token").click()
    expect(page).to_have_url(f"{server.url}/accounts/login/?next={path}")
    expect(page.get_by_role("navigation", name="Settings")).to_have_count(0)
    expect(page.get_by_role("heading")).to_have_count(1)
    page.get_by_label("Email").fill(site.email)
    page.get_by_label("Password").fill(site.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(server.url + path)


@pytest.mark.parametrize("fault", ["unreachable", "broken"])
def test_creating_is_not_confirmed(
    new_page: NewPage, server: Server, session: StorageState, fault: str
) -> None:
    page = new_page(
        storage_state=session,
        viewport={"width": 390, "height": 844},
        expected=("Failed to load resource", "htmx:", "Response Status Error Code 500"),
    )
    page.goto(f"{server.url}/settings/tokens/new/")
    page.get_by_label("Token name").fill("Kept")
    page.get_by_label("Development").check()

    def fail(route: Route) -> None:
        if fault == "unreachable":
            route.abort()
        else:
            route.fulfill(status=500, body="<h1>Broken</h1>", content_type="text/html")

    page.route("**/settings/tokens/new/", fail, times=1)
    page.get_by_role("button", name="Create token").click()
    notice = page.get_by_role("status").first
    expect(notice).to_contain_text("We couldn't confirm that")
    expect(notice).to_be_in_viewport()
    expect(page.get_by_role("heading", name="Broken")).to_have_count(0)
    expect(page.get_by_label("Token name")).to_have_value("Kept")
    expect(page.get_by_label("Development")).to_be_checked()
    page.get_by_role("button", name="Create token").click()
    expect(page.locator("#token-value")).to_have_value(re.compile("^tkn_dev_"))
    expect(notice).not_to_contain_text("We couldn't confirm that")
