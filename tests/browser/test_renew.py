"""Renew without an outage: in a browser, by curl, by keyboard, without JavaScript or an answer."""

import re

import pytest
from playwright.sync_api import Dialog, Page, Route, StorageState, expect

from tests.browser.conftest import NewPage, cards, settled
from tests.browser.test_keyboard import tab_to
from tests.browser.test_main_job import curl
from tests.server import Installation, Server

HOSTILE = {
    "html": "<img src=x onerror=alert(1)>",
    "formula": '=HYPERLINK("//evil.example")',
    "lines": "a\r\nb",
    "right-to-left": "left\u202eright",
    "emoji": "\U0001f600" * 100,
}


def move_on(server: Server, value: str) -> None:
    """The clock passes the end of the overlap, as far as this token is concerned."""
    server.run(
        "from django.utils import timezone; from tokens.models import Token;"
        f"Token.objects.filter(identifier={value[:24]!r}).update(expires_at=timezone.now())"
    )


def renewal_of(server: Server, value: str) -> str:
    return f"{server.url}/settings/tokens/{value[:24]}/renew/"


def renew(page: Page, server: Server, value: str, overlap: str = "24 hours") -> str:
    page.goto(renewal_of(server, value))
    page.get_by_label(overlap).check()
    page.get_by_role("button", name="Renew token").click()
    return page.locator("#token-value").input_value()


@pytest.mark.parametrize("scripting", [True, False], ids=["script", "no-script"])
def test_both_work_until_the_overlap_ends(
    new_page: NewPage, site: Installation, server: Server, session: StorageState, scripting: bool
) -> None:
    page = new_page(storage_state=session, java_script_enabled=scripting)
    name = f"Pipeline {scripting}"
    old = site.issue(name)
    page.goto(f"{server.url}/settings/tokens/")
    cards(page, name).get_by_role("link", name="Renew").click()
    expect(page.get_by_label("24 hours")).to_be_checked()
    expect(page.get_by_label("90 days")).to_be_checked()
    page.get_by_role("button", name="Renew token").click()
    expect(page.get_by_role("heading", name=f"“{name}” renewed")).to_be_visible()
    new = page.locator("#token-value").input_value()
    if scripting:
        expect(page).to_have_url(f"{server.url}/settings/tokens/")
    assert (curl(server, old)[0], curl(server, new)[0]) == (200, 200)

    retiring = cards(page, name).filter(has_text="Retiring")
    page.goto(f"{server.url}/settings/tokens/")
    while retiring.get_by_text(
        "not used since the renewal"
    ).count():  # a use is written a second later
        page.reload()
    expect(retiring).to_contain_text(
        re.compile(r"Old token last used just now\s+from 127\.0\.0\.1\s+\(curl\)")
    )
    expect(retiring.get_by_role("link", name="Renew")).to_have_count(0)

    move_on(server, old)
    status, body = curl(server, old)
    assert (status, body["code"]) == (401, "expired_token")
    assert "It was renewed on" in body["detail"]
    assert curl(server, new)[0] == 200


def test_by_keyboard(
    new_page: NewPage, site: Installation, server: Server, session: StorageState
) -> None:
    page = new_page(storage_state=session)
    site.issue("Keyboard")
    page.goto(f"{server.url}/settings/tokens/?q=Keyboard")
    opener = cards(page, "Keyboard").get_by_role("link", name="Renew")
    tab_to(page, opener)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Renew “Keyboard”?")).to_be_focused()
    settled(page)
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Renew “Keyboard”?")).to_be_focused()
    settled(page)
    tab_to(page, page.get_by_label("24 hours"), limit=1)
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("1 hour")).to_be_checked()
    tab_to(page, page.get_by_label("90 days"), limit=1)
    tab_to(page, page.get_by_role("button", name="Renew token"), limit=1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="“Keyboard” renewed")).to_be_focused()
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_lost_answer(
    new_page: NewPage, site: Installation, server: Server, session: StorageState
) -> None:
    page = new_page(storage_state=session, expected=("ERR_FAILED", "htmx:", "409"))
    old = site.issue("Lost")

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.goto(renewal_of(server, old))
    page.route("**/renew/", lose, times=1)
    page.get_by_role("button", name="Renew token").click()
    expect(page.get_by_text("We couldn't confirm that")).to_be_visible()
    page.get_by_role("button", name="Renew token").click()
    expect(page.get_by_role("heading", name="This form was already sent")).to_be_focused()
    page.get_by_role("button", name="Revoke it and renew again").click()
    new = page.locator("#token-value").input_value()
    assert (curl(server, old)[0], curl(server, new)[0]) == (200, 200)
    page.goto(f"{server.url}/settings/tokens/?q=Lost&status=revoked")
    expect(cards(page, "Lost")).to_have_count(1)


def test_reload_where_htmx_did_not_load(
    new_page: NewPage, site: Installation, server: Server, session: StorageState
) -> None:
    page = new_page(storage_state=session, expected=("ERR_FAILED",))
    page.route("**/htmx*.js", lambda route: route.abort())
    renew(page, server, site.issue("Reload"))
    expect(page).to_have_url(f"{server.url}/settings/tokens/")
    answer = page.reload()
    assert answer is not None
    assert answer.request.method == "GET"
    expect(page.locator("#token-value")).to_have_count(0)


def test_several_are_revoked_without_javascript(
    new_page: NewPage, site: Installation, server: Server, session: StorageState
) -> None:
    page = new_page(storage_state=session, java_script_enabled=False)
    one, two, three = (site.issue(f"bulk {number}") for number in range(3))
    page.goto(f"{server.url}/settings/tokens/?q=bulk")
    for number in range(2):
        page.get_by_label(f"Select bulk {number}").check()
    page.get_by_role("button", name="Revoke selected").click()
    for number in range(2):
        expect(page.get_by_role("heading", name=f"bulk {number}")).to_be_visible()
    page.get_by_role("button", name="Revoke 2 tokens").click()
    expect(page.get_by_role("status")).to_contain_text("2 tokens revoked")
    assert [curl(server, value)[0] for value in (one, two, three)] == [401, 401, 200]


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names(
    new_page: NewPage, site: Installation, server: Server, session: StorageState, name: str
) -> None:
    """Forms refuse some of them; other ways in might not."""
    page = new_page(storage_state=session, viewport={"width": 320, "height": 640})
    asked: list[str] = []

    def note(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", note)
    old = site.issue(name)
    token = f"{server.url}/settings/tokens/{old[:24]}/"
    selected = f"{server.url}/settings/tokens/revoke-selected/?token={old[:24]}"
    for address in (f"{token}renew/", f"{token}edit/", selected):
        page.goto(address)
        expect(page.locator("main")).to_be_visible()
        expect(page.locator("main img")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
    renew(page, server, old)
    expect(page.locator("main img")).to_have_count(0)
    page.goto(token)
    expect(page.get_by_role("heading", level=1)).to_have_text(" ".join(name.split()))
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert set(asked) <= {"beforeunload"}, "a script of the name ran"
