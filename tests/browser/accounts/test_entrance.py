"""Sign-in, the pages of errors, and the header: what they fetch, and how they fill the window."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.accounts.conftest import Person, scripting
from tests.browser.conftest import AUTHENTICATOR, NewPage
from tests.browser.screens import too_wide
from tests.browser.test_page import assert_light
from tests.server import Server

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
each_size = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])


def box(part: Locator) -> dict[str, float]:
    """Return the place of an element on the page."""
    found: Any = part.bounding_box()
    assert found is not None
    return dict(found)


def test_weight_of_the_sign_in_page(new_page: NewPage, server: Server) -> None:
    """The scripts for passkeys are not fetched."""
    assert_light(new_page(), f"{server.url}/accounts/login/")


def test_weight_of_the_page_that_adds_a_passkey(
    new_page: NewPage, server: Server, person: Person
) -> None:
    page = new_page()
    person.sign_in(page, server)
    assert_light(page, f"{server.url}/accounts/2fa/webauthn/add/")


def test_the_scripts_of_a_passkey_come_with_the_click(
    new_page: NewPage, server: Server, person: Person
) -> None:
    page = new_page()
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    person.sign_in(page, server)
    page.goto(f"{server.url}/accounts/2fa/webauthn/add/")
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("status")).to_contain_text("Your key is added.")
    scripts = [url for url in fetched if "webauthn" in url and url.endswith(".js")]
    assert len(scripts) == 2


@each_size
@pytest.mark.parametrize("path", ["accounts/login/", "accounts/password/reset/", "nothing/"])
def test_the_page_fills_the_window(
    new_page: NewPage, server: Server, size: dict[str, int], path: str
) -> None:
    page = new_page(viewport=size, expected=("404",))
    page.goto(f"{server.url}/{path}")
    expect(page.get_by_role("banner")).to_contain_text("Create, renew and revoke your API tokens.")
    footer, panel = box(page.get_by_role("contentinfo")), box(page.locator(".panel"))
    assert footer["y"] + footer["height"] == size["height"]
    assert panel["y"] + panel["height"] < footer["y"]
    for button in page.locator(".panel .buttons .button").all():
        assert box(button)["width"] == panel["width"] - 2 * 25  # padding and border
    assert too_wide(page, 320) == []


@scripting
def test_the_browsers_zone_is_offered_once(
    new_page: NewPage, server: Server, person: Person, scripting: bool
) -> None:
    page = new_page(timezone_id="America/New_York", java_script_enabled=scripting)
    person.sign_in(page, server)
    offer = page.get_by_role("button", name="Use New York time")
    expect(offer).to_have_count(1 if scripting else 0)
    if scripting:
        offer.click()
        expect(page.locator(".offer")).to_be_focused()
        expect(page.locator(".offer")).to_contain_text("Times are in New York time from the next")
        expect(offer).to_have_count(0)
        page.goto(f"{server.url}/settings/profile/")
        expect(page.get_by_label("Time zone")).to_have_value("America/New_York")


def test_nothing_is_offered_in_utc(new_page: NewPage, server: Server, person: Person) -> None:
    page = new_page(timezone_id="UTC")
    person.sign_in(page, server)
    page.goto(f"{server.url}/settings/security/")
    expect(page.locator(".offer")).to_have_count(0)


def test_keeping_utc(new_page: NewPage, server: Server, person: Person) -> None:
    page = new_page(timezone_id="Asia/Tokyo")
    person.sign_in(page, server)
    page.get_by_role("button", name="Keep UTC").click()
    expect(page.get_by_role("button", name="Keep UTC")).to_have_count(0)
    expect(page.locator(".offer")).to_contain_text("Times stay in UTC.")
    page.goto(f"{server.url}/settings/security/")
    expect(page.locator(".offer")).to_have_count(0)


@pytest.mark.parametrize("button", ["Use Tokyo time", "Keep UTC"])
def test_the_offer_keeps_what_somebody_typed(
    new_page: NewPage, server: Server, person: Person, button: str
) -> None:
    page = new_page(timezone_id="Asia/Tokyo")
    person.sign_in(page, server)
    page.goto(f"{server.url}/settings/tokens/new/")
    page.get_by_label("Token name").fill("Typed & kept")
    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("button", name=button)).to_have_count(0)
    expect(page.get_by_label("Token name")).to_have_value("Typed & kept")


def test_the_key_of_an_app_is_grouped_and_copied_without_spaces(
    new_page: NewPage, server: Server, person: Person
) -> None:
    page = new_page()
    person.sign_in(page, server)
    page.goto(f"{server.url}/accounts/2fa/totp/activate/")
    key = page.locator("#authenticator_secret")
    groups = key.locator("span").all_text_contents()
    assert {len(group) for group in groups} == {4}
    expect(key).to_have_css("font-family", re.compile("monospace"))
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "".join(groups)
    expect(page.get_by_label("Code", exact=True)).to_have_attribute("inputmode", "numeric")
