"""The form of a new token: what the first screen shows, and the table of scopes."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, StorageState, expect

from tests.browser.conftest import NewPage
from tests.server import Installation, Server

FIRST_SCREEN = {"width": 1280, "height": 800}
LIFETIMES = ("30 days", "90 days", "6 months", "1 year", "No expiration")
CATALOGUE = """
from tokens.models import Scope
Scope.objects.exclude(name__startswith="tokens:").delete()
for resource in {resources}:
    for action in ("read", "write"):
        Scope.objects.create(name=f"{{resource}}:{{action}}", words=f"May {{action}}")
Scope.objects.create(name="exports:create", words="Export all data")
"""


@pytest.fixture(scope="module")
def site(own_site: Installation) -> Installation:
    own_site.issue("Other")  # so that the form is on a page of its own
    return own_site


@pytest.fixture
def page(new_page: NewPage, session: StorageState, server: Server) -> Page:
    """Return the page of the form, which offers four resources: three, and the API's own."""
    server.run(CATALOGUE.format(resources=["orders", "reports"]))
    page = new_page(storage_state=session, viewport=FIRST_SCREEN)
    page.goto(f"{server.url}/settings/tokens/new/")
    return page


def box(shown: Locator) -> dict[str, Any]:
    """Return where the element is: x, y, width and height."""
    found = shown.bounding_box()
    assert found is not None
    return dict(found)


def choice(page: Page, name: str) -> dict[str, Any]:
    return box(page.locator(".choice").filter(has=page.get_by_label(name)))


def test_the_first_screen_has_what_must_be_decided(page: Page) -> None:
    expect(page.get_by_label("Token name")).to_be_focused()
    foot = box(page.locator(".foot"))
    for name in ("Token name", "Description", "Production", *LIFETIMES):
        field = box(page.get_by_label(name))
        assert field["y"] + field["height"] < foot["y"], name
    expect(page.get_by_role("button", name="Create token")).to_be_in_viewport(ratio=1)
    assert page.evaluate("scrollY") == 0


def test_edit_shows_its_button_and_the_same_table(
    page: Page, site: Installation, server: Server
) -> None:
    page.goto(f"{server.url}/settings/tokens/{site.issue('Edited')[:24]}/edit/")
    expect(page.get_by_role("button", name="Save changes")).to_be_in_viewport(ratio=1)
    page.get_by_label("orders:read").check()
    page.get_by_label("Description").fill("By the warehouse")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("Changed: description, scopes.")).to_be_visible()


def test_the_five_expirations_stand_as_three_and_two(page: Page) -> None:
    boxes = [choice(page, name) for name in LIFETIMES]
    rows = [found["y"] for found in boxes]
    assert rows[0] == rows[1] == rows[2] < rows[3] == rows[4]
    assert len({round(found["height"]) for found in boxes}) == 1
    right = [round(boxes[number]["x"] + boxes[number]["width"]) for number in (2, 4)]
    assert right[0] == right[1], "both rows end at the same edge"


def test_on_a_phone_they_are_a_list(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    boxes = [choice(page, name) for name in LIFETIMES]
    assert len({found["x"] for found in boxes}) == 1
    assert all(found["height"] <= 64 for found in boxes)


def test_the_first_screen_says_how_many_scopes_are_chosen(page: Page) -> None:
    none, some = page.get_by_text("No scopes chosen."), page.get_by_text("Scopes chosen:")
    expect(none).to_be_in_viewport(ratio=1)
    expect(page.get_by_text("You can change scopes later.")).to_be_in_viewport(ratio=1)
    page.get_by_label("orders:read").check()
    expect(none).to_be_hidden()
    expect(some).to_be_in_viewport(ratio=1)


def columns(page: Page, action: str) -> set[float]:
    """Return where the boxes of that action stand in their rows."""
    return {
        box(page.get_by_label(f"{resource}:{action}"))["x"]
        for resource in ("orders", "reports", "tokens")
    }


def test_the_scopes_are_a_table_with_what_is_chosen_beside(page: Page) -> None:
    assert len(columns(page, "read")) == len(columns(page, "write")) == 1
    table, words = box(page.locator(".resources")), box(page.locator(".can"))
    assert table["x"] + table["width"] < words["x"]
    assert round(table["y"]) == round(words["y"])


@pytest.mark.usefixtures("page")
def test_without_javascript_they_are_a_table_too(
    new_page: NewPage, session: StorageState, server: Server
) -> None:
    page = new_page(storage_state=session, viewport=FIRST_SCREEN, java_script_enabled=False)
    page.goto(f"{server.url}/settings/tokens/new/")
    assert len(columns(page, "read")) == len(columns(page, "write")) == 1


def test_each_box_has_the_name_of_its_scope(page: Page) -> None:
    """Although the page shows the name of the resource only once."""
    for name in ("orders:read", "exports:create"):
        expect(page.get_by_role("checkbox", name=name, exact=True)).to_be_visible()
    described = page.get_by_role("checkbox", name="exports:create", exact=True)
    expect(described).to_have_accessible_description("Export all data")


def ticked(page: Page) -> list[str]:
    boxes = page.locator("[name=scopes]:checked")
    return [value.get_attribute("value") or "" for value in boxes.all()]


def test_all_read_clear_and_none(page: Page) -> None:
    page.get_by_label("orders:write").check()
    page.get_by_role("button", name="All read").click()
    assert ticked(page) == ["orders:read", "orders:write", "reports:read", "tokens:read"]
    expect(page.locator(".can li:visible")).to_have_count(4)
    page.get_by_role("button", name="None of orders").click()
    assert ticked(page) == ["reports:read", "tokens:read"]
    page.get_by_role("button", name="Clear").click()
    assert ticked(page) == []
    expect(page.get_by_text("You chose no scopes")).to_be_visible()


def test_the_filter_hides_rows_and_spares_them(page: Page, server: Server) -> None:
    expect(page.get_by_label("Filter the resources")).to_have_count(0)
    server.run(CATALOGUE.format(resources=[f"area{number}" for number in range(10)]))
    page.reload()
    rows = page.locator(".resources li")
    expect(rows).to_have_count(12)
    field = page.get_by_label("Filter the resources")
    field.fill("AREA7")
    expect(rows.filter(visible=True)).to_have_count(1)
    page.get_by_role("button", name="All read").click()
    assert ticked(page) == ["area7:read"]
    field.press("Enter")  # and the form is not sent
    expect(page).to_have_url(f"{server.url}/settings/tokens/new/")
    expect(field).to_have_value("AREA7")
    field.fill("May write")  # the words of a scope are found too
    expect(rows.filter(visible=True)).to_have_count(10)
    field.fill("")
    expect(rows.filter(visible=True)).to_have_count(12)
