"""A much used token's page: read by everybody, on every screen, with and without JavaScript."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, StorageState, expect

from tests.browser.conftest import NewPage, settled
from tests.browser.screens import Screens, faults, on_each_screen
from tests.browser.test_keyboard import tab_to
from tests.browser.test_page import assert_light
from tests.quicker import first_quickly
from tests.server import Installation, Server

SEED = """
from datetime import timedelta
from django.utils import timezone
from accounts.models import User
from tokens.models import Scope, Token
from tokens.problems import problem
from tokens.usage.recorder import recorder
from tokens.usage.request_record import RequestRecord

now = timezone.now()
recorder._start = lambda: None
names = ("a:read", "a:write", "b" * 60 + ":" + "c" * 39)
Scope.objects.bulk_create(Scope(name=name, words=name) for name in names)
firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
callers = [
    ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "python-requests/2.32.3"),
    ("203.0.113.7", "x" * 300), ("", "curl/8"), ("203.0.113.8", "left\\u202eright/1"), ("", ""),
    ("203.0.113.9", "<img src=x onerror=alert(1)>/1"),
    *((f"198.51.100.{n}", firefox) for n in range(9)),
]

def record(token, at, caller, problem=None, path="/api/v1/reports"):
    address, agent = caller
    call = RequestRecord({"HTTP_USER_AGENT": agent, "REMOTE_ADDR": "127.0.0.1"}, "GET", path)
    call.token, call.at, call.address = token, at, address
    call.problem, call.scopes = problem, ("a:read",)
    call.finish(problem.status if problem else 200)
    if problem:
        call.code, call.reference = problem.code, problem.reference
    recorder.record(call)

def use(token):
    record(token, now - timedelta(days=40), callers[0])  # counts begin before the page's period
    for n in range(600):
        denied = problem.address_not_allowed("203.0.113.7") if n % 50 == 7 else None
        path = "/api/" + "v" * 180 if n % 9 == 0 else "/api/v1/reports"
        record(token, now - timedelta(hours=n * 1.1), callers[n % 7 * n % 15], denied, path)

for name, ending in [
    ("busy", {}), ("revoked", {"revoked_at": now}), ("unused", {}), ("young", {"created_at": now})
]:
    token, _ = Token.objects.issue(
        owner=User.objects.get(), name=name, environment="live",
        expires_at=now + timedelta(days=60), scopes=list(names),
    )
    Token.objects.filter(pk=token.pk).update(**{"created_at": now - timedelta(days=100), **ending})
    if name in {"busy", "revoked"}:
        use(token)
    if name == "revoked":
        for caller in callers:
            revoked = problem.invalid_token("revoked_token", now, now, None)
            record(token, timezone.now(), caller, revoked)
    print(name, token.identifier, sep="\\t")
recorder.flush()
"""
STATES = [
    "{busy}/", "{busy}/?by=hour", "{revoked}/", "{unused}/", "{young}/", "{busy}/narrow/",
    "{young}/narrow/", "{revoked}/narrow/", "{busy}/?show=refused", "{busy}/?status=3",
    "{busy}/transfer/", "offers/",
]  # fmt: skip
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def site(own_site: Installation) -> Installation:
    return own_site


@pytest.fixture(scope="module")
def used(server: Server) -> dict[str, str]:
    """The identifiers of tokens that are used differently, by their names."""
    return dict(line.split("\t") for line in server.run(SEED).splitlines() if "\t" in line)


@pytest.fixture
def show(new_page: NewPage, server: Server, session: StorageState, used: dict[str, str]) -> Open:
    """A page in a browser of those properties, with all that is folded away open."""

    def open_in(state: str, width: int = 1280, **options: Any) -> Page:
        page = new_page(viewport={"width": width, "height": 800}, storage_state=session, **options)
        page.goto(f"{server.url}/settings/tokens/{state.format(**used)}")
        for summary in page.locator("main summary").all():
            if summary.is_visible():  # not in a tab that is not open
                summary.click()
        return page

    return open_in


@pytest.mark.parametrize("state", first_quickly(STATES, 6))
@on_each_screen
def test_every_screen(show: Open, state: str, screens: Screens) -> None:
    assert faults(show(state, bypass_csp=True), screens) == []


def test_the_picture_has_words_and_a_table(show: Open) -> None:
    page = show("{busy}/")
    name = re.compile(r"^600 requests in 30 days, 12 refused; most on \w+ \d+ \w+: \d+$")
    expect(page.get_by_role("img", name=name)).to_be_visible()
    table = page.get_by_role("table", name="Requests in 30 days, the latest first")
    expect(table.get_by_role("columnheader")).to_have_text(["Day (UTC)", "Requests", "Refused"])
    expect(table.get_by_role("rowheader")).to_have_count(30)
    expect(page.get_by_role("table", name="Requests", exact=True)).to_be_visible()
    expect(page.get_by_role("list", name="Callers")).to_be_visible()
    expect(page.get_by_text("And 5 others, with fewer requests.")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 320])
def test_bars_stand_inside_the_chart_and_refusals_are_to_scale(show: Open, width: int) -> None:
    page = show("{busy}/", width)
    chart = box_of(page.get_by_role("img", name="600 requests"))
    for bar in page.locator(".plot .answered").all():
        box = box_of(bar)
        assert min(box["width"], box["height"]) >= 1
        assert chart["x"] - 1 <= box["x"]
        assert box["x"] + box["width"] <= chart["x"] + chart["width"] + 1
        assert chart["y"] - 1 <= box["y"]
        assert box["y"] + box["height"] <= chart["y"] + chart["height"] + 1
    drawn = sum(box_of(bar)["height"] for bar in page.locator(".plot .refused").all())
    whole = sum(box_of(bar)["height"] for bar in page.locator(".plot .answered").all())
    assert abs(drawn / whole - 12 / 600) < 0.01


def test_numbers_of_a_day_on_hover_and_by_arrow_keys(show: Open) -> None:
    page = show("{busy}/", has_touch=True)
    reading = page.locator(".reading")
    shown = "getComputedStyle(e).clipPath === 'none'"

    def visible() -> list[str]:
        return [text.inner_text() for text in reading.all() if text.evaluate(f"e => {shown}")]

    today, *_ = visible()
    assert re.match(r"\w+ \d+ \w+, so far: \d+ requests?, \w+ refused", today)
    days = page.locator(".plot label")
    days.nth(3).hover()
    [hovered] = visible()
    assert hovered != today
    page.mouse.move(0, 0)
    assert visible() == [today]
    page.get_by_role("radio", checked=True).focus()
    page.keyboard.press("ArrowLeft")
    [yesterday] = visible()
    assert yesterday != today
    assert "so far" not in yesterday
    expect(page.get_by_role("radio", checked=True)).to_have_accessible_name(yesterday)
    days.nth(3).tap()
    assert visible() == [hovered]


def test_two_columns_from_1100_px(show: Open) -> None:
    for width, columns in ((1280, 2), (1100, 2), (1099, 1), (390, 1)):
        page = show("{busy}/", width)
        usage, callers = box_of(page.locator("#usage")), box_of(page.locator(".callers"))
        assert (callers["y"] < usage["y"] + usage["height"]) == (columns == 2), width


@pytest.mark.parametrize("javascript", [True, False])
def test_requests_are_filtered(show: Open, javascript: bool) -> None:
    page = show("{busy}/", java_script_enabled=javascript)
    rows = page.locator(".requests tbody tr")
    expect(rows).to_have_count(12)
    page.locator("#requests").get_by_role("link", name="Refused", exact=True).click()
    expect(page).to_have_url(re.compile(r"show=refused"))
    expect(page.locator(".requests .answer.bad")).to_have_count(12)
    caller = page.get_by_label("Caller", exact=True)
    caller.focus()
    caller.select_option(index=1)
    if not javascript:
        page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile(r"caller=.+"))
    expect(page).to_have_url(re.compile(r"show=refused"))
    if javascript:
        settled(page)
        expect(caller).to_be_focused()
    everything = page.locator("#requests").get_by_role("link", name="All", exact=True)
    everything.click()
    expect(everything).to_have_attribute("aria-current", "true")
    page.get_by_label("Status", exact=True).select_option("3xx Redirection")
    if not javascript:
        page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("No recent request matches.")).to_be_visible()
    page.get_by_role("link", name="Show all").click()
    expect(rows).to_have_count(12)
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("link", name="Newest")).to_be_visible()


def test_the_identifier_is_copied(show: Open, used: dict[str, str]) -> None:
    page = show("{busy}/")
    page.get_by_role("button", name="Copy identifier").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == used["busy"]


def box_of(element: Locator) -> Any:
    box = element.bounding_box()
    assert box is not None
    return box


def test_the_table_is_reached_by_keyboard(
    new_page: NewPage, server: Server, session: StorageState, used: dict[str, str]
) -> None:
    page = new_page(storage_state=session)
    page.goto(f"{server.url}/settings/tokens/{used['busy']}/")
    table = page.get_by_role("table", name="Requests in 30 days")
    expect(table).to_be_hidden()
    tab_to(page, page.locator("summary").filter(has_text="Show as table"))
    page.keyboard.press("Enter")
    expect(table).to_be_visible()


def test_narrowed_in_two_clicks_without_javascript(show: Open) -> None:
    page = show("{unused}/", java_script_enabled=False)
    expect(page.get_by_text("No requests in the last 30 days.")).to_be_visible()
    page.get_by_role("link", name="48 hours").click()
    expect(page.get_by_text("No requests in the last 48 hours.")).to_be_visible()
    page.get_by_role("link", name="Remove unused scopes").click()
    expect(page.get_by_text("No requests were accepted")).to_be_visible()
    page.get_by_role("button", name="Remove 3 scopes").click()
    expect(page.get_by_role("status")).to_contain_text("Removed: a:read, a:write")
    page.get_by_role("link", name="Undo: edit its scopes").click()
    expect(page.get_by_label("a:read")).to_be_checked()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("Granted 3, used 0 in 30 days")).to_be_visible()


def test_who_still_uses_it(show: Open) -> None:
    page = show("{revoked}/", java_script_enabled=False)
    expect(page.locator(".notice")).to_have_text(
        re.compile(r"^\s*\d+ requests used\s+this revoked token today from\s.*\.\s*$", re.DOTALL)
    )
    expect(page.get_by_role("img", name="requests in 30 days")).to_be_visible()


def test_weight(
    new_page: NewPage, server: Server, session: StorageState, used: dict[str, str]
) -> None:
    for period in ("", "?by=hour"):
        assert_light(
            new_page(storage_state=session),
            f"{server.url}/settings/tokens/{used['busy']}/{period}",
        )
