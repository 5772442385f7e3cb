"""States of the frame of all pages, of guides and of refused pages, for test_accessibility."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.visit import Visit


def many_tokens(visit: Visit) -> None:
    visit.open("/settings/tokens/?page=2")
    expect(visit.page.get_by_role("navigation", name="Pages of tokens")).to_be_visible()


def zone_offered(visit: Visit) -> None:
    visit.open("/settings/tokens/")
    visit.open("/settings/security/")
    expect(visit.page.get_by_role("button", name="Use Berlin time")).to_be_visible()


def zone_kept(visit: Visit) -> None:
    zone_offered(visit)
    visit.page.get_by_role("button", name="Keep UTC").click()
    expect(visit.page.get_by_text("Times stay in UTC.")).to_be_focused()


def guide(visit: Visit) -> None:
    visit.open("/help/")
    expect(visit.page.locator("h1")).to_be_visible()


def api_reference(visit: Visit) -> None:
    visit.open("/api/v1/docs")
    expect(visit.page.locator("h1")).to_be_visible()


def not_allowed(visit: Visit) -> None:
    visit.open("/admin/")
    expect(visit.page.get_by_text("403 · Not allowed")).to_be_visible()


OTHER_STATES: dict[Callable[[Visit], None], str] = {
    many_tokens: "collector",
    zone_offered: "newcomer",
    zone_kept: "newcomer",
    guide: "nobody",
    api_reference: "nobody",
    not_allowed: "newcomer",
}
