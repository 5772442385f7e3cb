"""The job that Tokenry exists for, in a browser and by curl."""

import json
import subprocess
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage, sign_in
from tests.run import patience
from tests.server import Installation, Server


def curl(server: Server, value: str) -> tuple[int, dict[str, Any]]:
    """What the example beside the value does."""
    done = subprocess.run(
        ["curl", "-s", "-w", "\n%{http_code}", "-H", f"Authorization: Bearer {value}",
         f"{server.url}/api/v1/token"],
        capture_output=True, text=True, check=True, timeout=patience(6),
    )  # fmt: skip
    body, status = done.stdout.rsplit("\n", 1)
    return int(status), json.loads(body)


def create(page: Page, server: Server, name: str) -> str:
    page.goto(f"{server.url}/settings/tokens/")
    if not page.get_by_label("Token name").is_visible():  # the empty list has the form open
        page.get_by_role("link", name="Create token").click()
    page.get_by_label("Token name").fill(name)
    page.get_by_role("button", name="Create token").click()
    return page.locator("#token-value").input_value()


def test_create_copy_use_revoke(new_page: NewPage, site: Installation, server: Server) -> None:
    page = new_page()
    sign_in(page, server, site)
    value = create(page, server, "Production API")
    expect(page.get_by_text("You won't be able to see it again")).to_be_visible()
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == value

    status, body = curl(server, value)
    assert (status, body["name"]) == (200, "Production API")

    card = page.get_by_role("listitem").filter(has_text="Production API")
    expect(card).to_contain_text(value[:24])
    card.get_by_role("link", name="Revoke").click()
    expect(page.get_by_role("button", name="Keep token")).to_be_focused()
    page.get_by_role("button", name="Revoke token").click()
    expect(page.get_by_role("status").first).to_contain_text("revoked")
    assert page.locator("#token-value").input_value() == value, (
        "revoking another token must not lose this one"
    )
    status, body = curl(server, value)
    assert (status, body["code"]) == (401, "revoked_token")
