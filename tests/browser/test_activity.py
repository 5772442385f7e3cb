"""The activity page in a real browser, with and without JavaScript."""

import csv
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage, settled, sign_in
from tests.run import patience
from tests.server import Installation, Server

# Names that only scripts can give: the form takes none of these.
HOSTILE = """
from datetime import timedelta
from django.utils import timezone
from accounts.models import User
from tokens.models import Token
for name in ("safe\\u202egnp.exe", "<img src=x onerror=alert(1)>", "=HYPERLINK(1)"):
    Token.objects.issue(
        owner=User.objects.get(email=EMAIL), name=name, environment="live",
        expires_at=timezone.now() + timedelta(days=90),
    )
"""


@pytest.mark.parametrize("javascript", [True, False])
def test_filter_page_and_take_away(
    new_page: NewPage, site: Installation, server: Server, seeded: dict[str, str], javascript: bool
) -> None:
    page = new_page(java_script_enabled=javascript)
    sign_in(page, server, site)
    page.goto(f"{server.url}/settings/activity/")
    events = page.locator(".events > li")
    expect(events.first).to_contain_text("Signed in")
    page.get_by_label("What").select_option("Created")
    page.get_by_label("Search").fill("pipe")
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile(r"\?q=pipe&kind=created"))
    expect(events).to_have_count(1)
    expect(events).to_contain_text("by the command line")
    settled(page)
    if javascript:
        expect(page.get_by_role("button", name="Filter")).to_be_focused()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(Path(download.value.path()).read_text("utf-8-sig").splitlines()))
    assert [row["token"] for row in rows] == [seeded["CI pipeline"]]
    page.get_by_role("link", name="Only this token").click()
    expect(page.get_by_text("Only tkn_test_")).to_be_visible()
    page.get_by_role("link", name="All tokens").click()
    expect(events.first).to_contain_text("Signed in")


@pytest.fixture
def page(new_page: NewPage, site: Installation, server: Server) -> Page:
    page = new_page()
    sign_in(page, server, site)
    return page


def test_most_filters_are_folded_on_a_phone(page: Page, server: Server) -> None:
    what, more = page.get_by_label("What"), page.get_by_text("More filters")
    page.goto(f"{server.url}/settings/activity/")
    expect(what).to_be_visible()
    expect(more).to_be_hidden()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(what).to_be_hidden()
    first = page.locator(".events > li").first.bounding_box()
    assert first is not None
    assert first["y"] < 450
    more.click()
    expect(what).to_be_visible()
    page.goto(f"{server.url}/settings/activity/?kind=created")  # a filter in use is in sight
    expect(what).to_be_visible()


def test_hostile_names_move_nothing_beside_them(
    page: Page, site: Installation, server: Server
) -> None:
    server.run(HOSTILE.replace("EMAIL", repr(site.email)))
    page.goto(f"{server.url}/settings/activity/?q=gnp.exe")
    line = page.locator(".events > li")
    name, before = (
        line.get_by_role("link").first.bounding_box(),
        line.get_by_role("heading").bounding_box(),
    )
    assert name is not None
    assert before is not None
    assert name["x"] > before["x"]  # “Created” still stands before it
    for path in ("/settings/activity/", "/settings/tokens/"):
        page.goto(server.url + path)
        expect(page.get_by_role("link", name="<img src=x onerror=alert(1)>")).to_be_visible()
        assert page.locator("main img").count() == 0


def test_wrong_passwords_are_folded_and_each_time_can_be_shown(
    new_page: NewPage, site: Installation, server: Server
) -> None:
    page = new_page(expected=("400", "422"))
    page.goto(server.url)
    for _ in range(3):
        page.get_by_label("Email").fill(site.email)
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("password is wrong")
    sign_in(page, server, site)
    page.goto(f"{server.url}/settings/activity/?kind=wrong_password")
    until(page, "3 times")
    entry = page.locator(".events > .alarm").first
    expect(entry.get_by_role("heading")).to_have_text(re.compile(r"Wrong password,\s+3 times"))
    expect(entry).to_contain_text(re.compile(r"from 203\.0\.\d+\.\d+\s+\w+ on Linux"))
    times = entry.locator("details time")
    expect(times.first).to_be_hidden()
    entry.get_by_text("Each time").click()
    expect(times).to_have_count(3)
    expect(times.first).to_be_visible()


def until(page: Page, words: str) -> None:
    """Reload until the page has `words`: an event of a wrong password is written later."""
    deadline = time.monotonic() + patience(5)
    while words not in page.content():
        assert time.monotonic() < deadline, page.locator("main").inner_text()
        page.reload()
