"""Measure boxes: what people need next is in sight, and rows of the list are small and even."""

from collections.abc import Callable
from typing import Any, Literal

import pytest
from playwright.sync_api import Locator, Page, StorageState, ViewportSize, expect

from tests.browser.conftest import NewPage, cards, settled
from tests.server import Installation, Server

DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
each_size = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
MAX_CARD = {1280: 90, 390: 150}
# Each token has a description and requests, so that its card is as high as it gets.
FILL = """
from django.utils import timezone
from accounts.models import User
from tokens.models import DayCount, Token

now = timezone.now()
mine = Token.objects.filter(owner__email=EMAIL)
mine.exclude(name="n" * 100).update(description="Ask Jonas. " + "It runs in Frankfurt. " * 8)
for token in mine:
    DayCount.objects.create(
        token=token, day=now.date(), status_class=2, requests=7, last_at=now
    )
"""
Open = Callable[..., Page]
Box = dict[str, float]


@pytest.fixture(scope="module")
def site(own_site: Installation) -> Installation:
    return own_site


@pytest.fixture(scope="module")
def filled(site: Installation, seeded: dict[str, str]) -> dict[str, str]:
    site.servers[0].run(FILL.replace("EMAIL", repr(site.email)))
    return seeded


@pytest.fixture
def open_list(
    new_page: NewPage, server: Server, session: StorageState, filled: dict[str, str]
) -> Open:
    """Return a function that opens the list in a window of a size."""

    def open_in(size: ViewportSize, query: str = "", **options: Any) -> Page:
        page = new_page(storage_state=session, viewport=size, **options)
        page.goto(f"{server.url}/settings/tokens/{query}")
        return page

    return open_in


def box_of(locator: Locator) -> Box:
    box = locator.bounding_box()
    assert box is not None
    return {
        "x": box["x"],
        "y": box["y"],
        "height": box["height"],
        "end": box["x"] + box["width"],
    }


def boxes_of(locator: Locator) -> list[Box]:
    return [box_of(one) for one in locator.all()]


@each_size
@pytest.mark.parametrize(
    ("action", "button"), [("Renew", "Renew token"), ("Revoke", "Revoke token")]
)
def test_the_buttons_of_a_dialog_are_in_sight(
    open_list: Open,
    size: ViewportSize,
    action: Literal["Renew", "Revoke"],
    button: str,
) -> None:
    page = open_list(size)
    cards(page, "CI pipeline").get_by_role("link", name=action).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name=button)).to_be_in_viewport(ratio=1)
    settled(page)
    assert dialog.evaluate("dialog => dialog.scrollTop") == 0
    # In a window that is far too low they stay in sight too.
    page.set_viewport_size({"width": size["width"], "height": 320})
    expect(dialog.get_by_role("button", name=button)).to_be_in_viewport(ratio=1)


@each_size
def test_all_choices_of_a_renewal_are_in_sight(open_list: Open, size: ViewportSize) -> None:
    page = open_list(size)
    cards(page, "CI pipeline").get_by_role("link", name="Renew").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Renew token")).to_be_visible()
    assert dialog.evaluate("dialog => dialog.scrollHeight - dialog.clientHeight") <= 0
    overlaps = boxes_of(dialog.get_by_role("group", name="Overlap").locator(".choice"))
    assert len({box["x"] for box in overlaps}) == len({box["y"] for box in overlaps}) == 2
    lifetimes = dialog.get_by_role("group", name="Expiration").locator(".choice")
    assert len({box["x"] for box in boxes_of(lifetimes)}) == 1
    dates = boxes_of(lifetimes.locator("small:last-child"))
    assert len(dates) == 5
    assert len({round(box["end"]) for box in dates}) == 1


@pytest.mark.parametrize("action", ["renew", "revoke"])
def test_the_next_step_of_a_page_is_in_sight(
    new_page: NewPage,
    server: Server,
    session: StorageState,
    filled: dict[str, str],
    action: str,
) -> None:
    page = new_page(storage_state=session, viewport=DESKTOP, java_script_enabled=False)
    page.goto(f"{server.url}/settings/tokens/{filled['CI pipeline']}/{action}/")
    button = page.get_by_role("button", name=f"{action.title()} token")
    expect(button).to_be_in_viewport(ratio=1)


def test_the_first_token_is_in_sight_on_a_phone(open_list: Open) -> None:
    page = open_list(PHONE, timezone_id="Europe/Berlin")
    page.reload()  # now the server knows the browser's time zone, and offers it
    expect(page.get_by_role("button", name="Use Berlin time")).to_have_count(1)
    expect(page.get_by_text("expires this week")).to_be_visible()
    first_line_of_name = box_of(page.locator(".tokens h2 a").first)["y"] + 22
    assert first_line_of_name < 420
    for row in ("navigation", "list"):
        name = "Settings" if row == "navigation" else "Filter by status"
        links = page.get_by_role("navigation" if row == "navigation" else "list", name=name)
        assert len({box["y"] for box in boxes_of(links.get_by_role("link"))}) == 1, name
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@each_size
def test_cards_are_small(open_list: Open, size: ViewportSize) -> None:
    page = open_list(size)
    for name in ("Production API", "CI pipeline", "laptop"):
        assert box_of(cards(page, name))["height"] <= MAX_CARD[size["width"]], name
    for value in boxes_of(page.locator(".tokens .value code")):
        assert value["height"] < 24  # one line


@each_size
def test_rows_have_one_left_edge_and_fixed_actions(open_list: Open, size: ViewportSize) -> None:
    page = open_list(size)
    for column in (".tokens h2 a", ".tokens .value", ".tokens .facts"):
        visible = boxes_of(page.locator(f"#found form {column}"))
        assert len({box["x"] for box in visible}) == 1, column
    lefts = [
        {box["x"] for box in boxes_of(page.locator("#found form").get_by_role("link", name=name))}
        for name in ("Renew", "Revoke")
    ]
    assert [len(left) for left in lefts] == [1, 1]
    assert max(lefts[0]) < min(lefts[1])


@each_size
def test_rows_are_quiet_until_they_are_touched(open_list: Open, size: ViewportSize) -> None:
    page = open_list(size)
    revoke = cards(page, "Production API").get_by_role("link", name="Revoke")
    quiet = page.locator(".tokens .facts").first.evaluate("facts => getComputedStyle(facts).color")
    expect(revoke).to_have_css("color", quiet)
    revoke.focus()
    expect(revoke).not_to_have_css("color", quiet)


@each_size
def test_the_bar_is_in_sight_with_a_selection_only(open_list: Open, size: ViewportSize) -> None:
    page = open_list(size)
    button = page.get_by_role("button", name="Revoke selected")
    expect(button).to_be_hidden()
    page.get_by_label("Select Production API").check()
    expect(button).to_be_in_viewport(ratio=1)
    expect(page.get_by_text("1 selected")).to_be_in_viewport(ratio=1)
