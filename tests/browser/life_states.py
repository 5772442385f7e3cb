"""The states of tokens, and of the pages that change tokens, for test_accessibility."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.visit import Visit


def path(visit: Visit, name: str, page: str) -> str:
    return f"/settings/tokens/{visit.seeded[name]}/{page}/"


def revoke_dialog(visit: Visit) -> None:
    visit.open("/settings/tokens/")
    visit.page.locator(f"[hx-get='{path(visit, 'CI pipeline', 'revoke')}']").click()
    expect(visit.page.get_by_role("dialog")).to_be_visible()


def revoke_page(visit: Visit) -> None:
    visit.open(path(visit, "CI pipeline", "revoke"))
    expect(visit.page.get_by_role("dialog")).to_be_hidden()
    expect(visit.page.get_by_role("button", name="Revoke token")).to_be_visible()


def renew_dialog(visit: Visit) -> None:
    visit.open("/settings/tokens/")
    visit.page.locator(f"[hx-get='{path(visit, 'n' * 100, 'renew')}']").click()
    expect(visit.page.get_by_role("button", name="Renew token")).to_be_visible()


def renew_page(visit: Visit) -> None:
    visit.open(path(visit, "laptop", "renew"))
    expect(visit.page.get_by_text("The old token expired")).to_be_visible()


def renewed(visit: Visit) -> None:
    """Renews a token of its own, so that the others stay as they are."""
    visit.open("/settings/tokens/new/")
    visit.send("Renewed")
    identifier = visit.page.locator("#token-value").input_value()[:24]
    visit.open(f"/settings/tokens/{identifier}/renew/")
    visit.page.get_by_role("button", name="Renew token").click()
    expect(
        visit.page.get_by_text("The list below shows who still uses the old token")
    ).to_be_visible()


def renewed_already(visit: Visit) -> None:
    renewed(visit)
    visit.open("/settings/tokens/?status=retiring")
    visit.page.locator(".cards h2 a").first.click()
    visit.page.get_by_role("link", name="Revoke it and renew again").click()
    expect(visit.page.get_by_role("button", name="Revoke it and renew again")).to_be_visible()


def edit_error(visit: Visit) -> None:
    visit.open(path(visit, "Access", "edit"))
    visit.page.get_by_label("Token name").fill("")
    visit.page.get_by_role("button", name="Save changes").click()
    expect(visit.page.get_by_label("Token name")).to_be_focused()
    expect(visit.page.get_by_text("no longer in use: refused").first).to_be_visible()


def selected(visit: Visit) -> None:
    visit.open("/settings/tokens/")
    visit.page.get_by_label("Select CI pipeline").check()
    visit.page.get_by_label(f"Select {'n' * 100}").check()
    visit.page.get_by_role("button", name="Revoke selected").click()
    expect(visit.page.get_by_role("button", name="Revoke 2 tokens")).to_be_visible()


def selection(visit: Visit) -> None:
    visit.open("/settings/tokens/")
    visit.page.get_by_label("Select CI pipeline").check()
    expect(visit.page.get_by_text("1 selected")).to_be_visible()
    # The bar may cover a part of a link: which part, depends on the words in the list.
    visit.page.add_style_tag(content=".bulk { position: static !important; }")


def expired(visit: Visit) -> None:
    visit.open(f"/settings/tokens/{visit.seeded['laptop']}/")
    expect(visit.page.get_by_role("main")).to_contain_text("Expired")


def revoked(visit: Visit) -> None:
    visit.open(f"/settings/tokens/{visit.seeded['old import']}/")
    expect(visit.page.get_by_role("main")).to_contain_text("Revoked")


def retiring(visit: Visit) -> None:
    renewed(visit)
    visit.open("/settings/tokens/?status=retiring")
    visit.page.locator(".cards h2 a").first.click()
    expect(visit.page.get_by_role("main")).to_contain_text("Retiring")


def imported(visit: Visit) -> None:
    visit.open("/settings/tokens/?q=Warehouse")
    expect(visit.page.get_by_text("Its value begins with Ab3dEf9h.")).to_be_visible()
    visit.page.get_by_role("link", name="Warehouse scanner").click()
    expect(visit.page.get_by_text("Imported from djangorestframework-api-key")).to_be_visible()


def revoke_all_error(visit: Visit) -> None:
    visit.open("/settings/tokens/revoke-all/")
    visit.page.get_by_label("to confirm").fill("0")
    visit.page.locator("button.solid").click()
    expect(visit.page.get_by_label("to confirm")).to_be_focused()


LIFE_STATES: list[Callable[[Visit], None]] = [
    revoke_dialog, revoke_page, renew_dialog, renew_page, renewed, renewed_already, edit_error,
    selected, selection, expired, revoked, retiring, imported, revoke_all_error,
]  # fmt: skip
