"""A much used token's page: read by everybody, on every screen, with and without JavaScript."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, StorageState, expect

from tests.browser.conftest import NewPage
from tests.browser.screens import Screens, faults, on_each_screen
from tests.browser.test_keyboard import tab_to
from tests.browser.test_page import assert_light
from tests.server import Installation, Server

SEED = """
from datetime import timedelta
from django.test import RequestFactory
from django.utils import timezone
from accounts.models import User
from tokens import denial
from tokens.call import Call
from tokens.models import Scope, Token
from tokens.usage import recorder

now = timezone.now()
recorder._start = lambda: None
Scope.objects.bulk_create(Scope(name=name, words=name) for name in ("a:read", "a:write", "b" * 60 + ":" + "c" * 39))
callers = [
    ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "python-requests/2.32.3"), ("203.0.113.7", "x" * 300), ("", "curl/8"),
    ("203.0.113.8", "left\\u202eright/1"), ("", ""), ("203.0.113.9", "<img src=x onerror=alert(1)>/1"),
    *((f"198.51.100.{n}", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0") for n in range(9)),
]

def record(token, at, caller, denial=None, path="/api/v1/reports"):
    address, agent = caller
    call = Call(RequestFactory().get(path, headers={"User-Agent": agent}))
    call.token, call.at, call.address, call.denial, call.scopes = token, at, address, denial, ("a:read",)
    call.end(denial.status if denial else 200)
    if denial:
        call.code, call.reference = denial.code, denial.reference
    recorder.record(call)

def use(token):
    record(token, now - timedelta(days=40), callers[0])  # counting is older than what the page shows
    for n in range(600):
        denied = denial.address_not_allowed("203.0.113.7") if n % 50 == 7 else None
        path = "/api/" + "v" * 180 if n % 9 == 0 else "/api/v1/reports"
        record(token, now - timedelta(hours=n * 1.1), callers[n % 7 * n % 15], denied, path)

for name, ending in [("busy", {}), ("revoked", {"revoked_at": now}), ("unused", {}), ("young", {"created_at": now})]:
    token, _ = Token.objects.issue(
        owner=User.objects.get(), name=name, environment="live", expires_at=now + timedelta(days=60),
        scopes=list(Scope.objects.filter(name__in=["a:read", "a:write", "b" * 60 + ":" + "c" * 39])
            .values_list("name", flat=True)),
    )
    Token.objects.filter(pk=token.pk).update(**{"created_at": now - timedelta(days=100), **ending})
    if name in {"busy", "revoked"}:
        use(token)
    if name == "revoked":
        for caller in callers:
            record(token, timezone.now(), caller, denial.of_proven_token("revoked_token", now, now, None))
    print(name, token.identifier, sep="\\t")
recorder.flush()
"""
STATES = [
    "{busy}/", "{busy}/?by=hour", "{revoked}/", "{unused}/", "{young}/", "{busy}/narrow/", "{young}/narrow/",
    "{revoked}/narrow/",
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
            summary.click()
        return page

    return open_in


@pytest.mark.parametrize("state", STATES)
@on_each_screen
def test_every_screen(show: Open, state: str, screens: Screens) -> None:
    assert faults(show(state, bypass_csp=True), screens) == []


def test_the_picture_has_words_and_a_table(show: Open) -> None:
    page = show("{busy}/")
    name = re.compile(r"^600 requests in 30 days, 12 refused; most on \d+ \w+: \d+$")
    expect(page.get_by_role("img", name=name)).to_be_visible()
    table = page.get_by_role("table", name="Requests in 30 days, the latest first")
    expect(table.get_by_role("columnheader")).to_have_text(["Day (UTC)", "Requests", "Refused"])
    expect(table.get_by_role("rowheader")).to_have_count(30)
    for other in ("Callers", "Refused", "Latest requests"):
        expect(page.get_by_role("table", name=other)).to_be_visible()
    expect(page.get_by_text("And 5 others, with fewer requests.")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 320])
def test_every_bar_that_counts_can_be_seen(show: Open, width: int) -> None:
    page = show("{busy}/", width)
    chart = page.get_by_role("img", name="600 requests").bounding_box()
    assert chart is not None
    for bar in page.locator(".chart [role=img] :is(.answered, .refused)").all():
        box = bar.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 3
        assert chart["x"] - 1 <= box["x"] <= box["x"] + box["width"] <= chart["x"] + chart["width"] + 1
        assert chart["y"] - 1 <= box["y"] <= box["y"] + box["height"] <= chart["y"] + chart["height"] + 1


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
    page.get_by_role("link", name="Narrow it").click()
    expect(page.get_by_text("so none would have been refused")).to_be_visible()
    page.get_by_role("button", name="Drop 3 scopes").click()
    expect(page.get_by_role("status")).to_contain_text("Dropped: a:read, a:write")
    page.get_by_role("link", name="Undo: edit its scopes").click()
    expect(page.get_by_label("a:read")).to_be_checked()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("Granted 3, used 0 in 30 days")).to_be_visible()


def test_who_still_uses_it(show: Open) -> None:
    page = show("{revoked}/", java_script_enabled=False)
    expect(page.locator(".notice")).to_have_text(re.compile(r"^\d+ requests used this revoked token today from .*\.$"))
    expect(page.get_by_role("img", name="requests in 30 days")).to_be_visible()


def test_weight(new_page: NewPage, server: Server, session: StorageState, used: dict[str, str]) -> None:
    for period in ("", "?by=hour"):
        assert_light(new_page(storage_state=session), f"{server.url}/settings/tokens/{used['busy']}/{period}")
