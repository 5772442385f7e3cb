"""The Link header of a refusal, opened in a real browser."""

import re
import subprocess
import time

from playwright.sync_api import StorageState, expect

from tests.browser.conftest import NewPage
from tests.browser.test_troubleshoot import keep_out
from tests.run import patience
from tests.server import Installation, Server


def test_the_link_of_a_refusal_leads_to_its_answer(
    new_page: NewPage, session: StorageState, site: Installation, server: Server
) -> None:
    page = new_page(storage_state=session, java_script_enabled=False)
    value = site.issue("Linked")
    keep_out(server, value)
    done = subprocess.run(
        ["curl", "-s", "-D", "-", "-o", "/dev/null", "-H", f"Authorization: Bearer {value}",
         f"{server.url}/api/v1/token"],
        capture_output=True, text=True, check=True, timeout=patience(6),
    )  # fmt: skip
    [link] = re.findall(r'(?im)^link: <[^>]+(/settings/[^>]+)>; rel="help"', done.stdout)
    deadline = time.monotonic() + patience(5)
    while True:
        page.goto(server.url + link)
        expect(page.locator("#verdict")).to_be_focused()
        if "No request of your tokens" not in page.locator(".verdict").inner_text():
            break
        assert time.monotonic() < deadline, "it was not written down"
    heading = page.get_by_role("heading", name="This token may not be used from here")
    expect(heading).to_be_visible()
    expect(page.get_by_role("link", name="Allow that address")).to_be_visible()
    expect(page.get_by_role("link", name="Linked")).to_be_visible()
