"""Troubleshoot in a real browser: from a refused request to its solution."""

import json
import re
import subprocess
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Locator, Page, StorageState, expect

from tests.browser.conftest import NewPage
from tests.browser.screens import Screens, faults, on_each_screen
from tests.browser.test_keyboard import tab_to
from tests.quicker import first_quickly
from tests.run import patience
from tests.server import Installation, Server

PATH = "/settings/tokens/troubleshoot/"
CHANGE = "from django.utils import timezone; from tokens.models import Scope, Token;"
CURL = 'curl -H "Authorization: Bearer {}" $URL'


def refused(server: Server, command: str) -> dict[str, Any]:
    """The problem that `command` is answered, $URL being this installation's."""
    done = subprocess.run(
        ["bash", "-c", command.replace("curl", "curl -s", 1)],
        env={"URL": f"{server.url}/api/v1/token", "PATH": server.environment["PATH"]},
        capture_output=True, text=True, check=True, timeout=patience(6),
    )  # fmt: skip
    return dict(json.loads(done.stdout))


def paste(page: Page, text: str) -> Locator:
    """What the page says of `text`."""
    field = page.get_by_label("Token, header or reference")
    field.fill(text)
    page.get_by_role("button", name="Find out").click()
    expect(page.locator("#verdict")).to_be_focused()
    expect(field).to_have_value("")
    return page.locator(".verdict")


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def page(
    request: pytest.FixtureRequest, new_page: NewPage, server: Server, session: StorageState
) -> Page:
    page = new_page(storage_state=session, java_script_enabled=request.param)
    page.goto(server.url + "/settings/tokens/")
    page.get_by_role("link", name="Troubleshoot").click()
    expect(page).to_have_url(server.url + PATH)
    expect(page.get_by_role("link", name="API tokens").first).to_have_attribute(
        "aria-current", "page"
    )
    return page


def test_what_was_sent_wrongly(page: Page, site: Installation, server: Server) -> None:
    value = site.issue("Sent wrongly")
    for command, code, words in (
        (
            "curl $URL",
            "missing_credentials",
            "It has no Authorization header. Tokens are read from no other header.",
        ),
        (
            'curl -H "Authorization: Bearer" $URL',
            "malformed_header",
            "No token follows the word Bearer.",
        ),
        (
            CURL.replace("{}", f"Bearer {value}"),
            "malformed_header",
            "The word Bearer is there twice.",
        ),
        (
            CURL.replace("{}", value[:-3]),
            "malformed_token",
            "It is incomplete: 70 of 73 characters.",
        ),
    ):
        problem = refused(server, command)
        assert problem["code"] == code
        shown = paste(page, command)
        own = "This is “Sent wrongly”, but " if value[:24] in command else problem["title"]
        expect(shown.get_by_role("heading", name=own)).to_be_visible()
        expect(shown).to_contain_text(words)
        expect(shown).to_contain_text(code)
    expect(
        page.get_by_role("link", name="Sent wrongly")
    ).to_be_visible()  # the last: its beginning is whole
    body = "tkn_live_" + "0" * 58 + "1L5fBS"
    assert refused(server, CURL.replace("{}", body))["code"] == "unknown_token"
    expect(paste(page, body)).to_contain_text("This is not one of your tokens")
    assert value[24:] not in page.content()


def revoke(server: Server, value: str) -> None:
    subprocess.run(
        ["curl", "-s", "-X", "DELETE", "-H", f"Authorization: Bearer {value}",
         f"{server.url}/api/v1/token"],
        check=True, timeout=patience(6),
    )  # fmt: skip


def expire(server: Server, value: str) -> None:
    change(server, value, "expires_at=timezone.now()")


def limit(server: Server, value: str) -> None:
    change(server, value, "rate_limit='1/hour'")
    subprocess.run(
        ["bash", "-c", CURL.replace("{}", value)],
        env={"URL": f"{server.url}/api/v1/token"},
        check=True,
    )


def keep_out(server: Server, value: str) -> None:
    change(server, value, "addresses='203.0.113.0/24'")


def change(server: Server, value: str, what: str) -> None:
    server.run(f"{CHANGE} Token.objects.filter(identifier={value[:24]!r}).update({what})")


class Life(NamedTuple):
    """What happens to a token, the code of what follows, what the page says, and the way on."""

    happen: Callable[[Server, str], None]
    code: str
    words: str
    link: str
    leads_to: str


LIVES = [
    Life(
        revoke, "revoked_token", "by you, from 127.0.0.1.", "Create a token like it",
        r"/new/\?name=Of\+its\+own",
    ),
    Life(
        expire, "expired_token", "Renew it: you get a new value with the same settings.",
        "Renew it", r"/renew/$",
    ),
    Life(
        limit, "rate_limited", "It may make 1 request in an hour, and has", "Of its own",
        r"/tkn_live_\w+/$",
    ),
    Life(
        keep_out, "address_not_allowed", "It was used from 127.0.0.1, which is not among",
        "Allow that address", r"/edit/\?allowed_addresses=203\.0\.113\.0/24,127\.0\.0\.1$",
    ),
]  # fmt: skip


@pytest.mark.parametrize("life", first_quickly(LIVES, 2), ids=lambda life: life.code)
def test_what_became_of_a_token(
    page: Page, site: Installation, server: Server, life: Life
) -> None:
    value = site.issue("Of its own")
    life.happen(server, value)
    problem = refused(server, CURL.replace("{}", value))
    assert problem["code"] == life.code
    for text in (problem["instance"], value):
        shown = paste_until_written(page, text)
        expect(shown).to_contain_text(life.words)
        expect(shown).to_contain_text(f"{life.code} GET /api/v1/token")
    page.get_by_role("link", name=life.link).click()
    expect(page).to_have_url(re.compile(life.leads_to))


def paste_until_written(page: Page, reference: str) -> Locator:
    """A request is written down a second after its answer."""
    deadline = time.monotonic() + patience(5)
    while "No request of your tokens" in (shown := paste(page, reference)).inner_text():
        assert time.monotonic() < deadline, "it was not written down"
    return shown


def test_a_token_that_works(page: Page, site: Installation, server: Server) -> None:
    value = site.issue("Sound")
    shown = paste(page, f"Authorization: Bearer {value}")
    expect(shown.get_by_role("heading", name="This token works")).to_be_visible()
    example = shown.get_by_label("cURL example").inner_text()
    assert value[24:] not in page.content()
    done = subprocess.run(
        ["bash", "-c", example.replace("curl", "curl -s", 1)],
        env={"API_TOKEN": value, "PATH": server.environment["PATH"]},
        capture_output=True, text=True, check=True, timeout=patience(6),
    )  # fmt: skip
    assert json.loads(done.stdout)["name"] == "Sound"


@pytest.fixture
def troubleshoot(new_page: NewPage, server: Server, session: StorageState) -> NewPage:
    """The page, in browsers of those properties."""

    def make(**options: Any) -> Page:
        page = new_page(storage_state=session, **options)
        page.goto(server.url + PATH)
        return page

    return make


def test_nothing_pasted_is_left_in_the_browser(
    troubleshoot: NewPage, site: Installation, server: Server
) -> None:
    value = site.issue("Left nowhere")
    page = troubleshoot()
    paste(page, value)
    assert page.url == server.url + PATH
    stored = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, history.state])"
    )
    assert value[24:] not in stored + page.content()
    page.reload()
    expect(page.locator(".verdict")).to_have_count(0)
    expect(page.get_by_label("Token, header or reference")).to_have_value("")


def test_by_keyboard(troubleshoot: NewPage, site: Installation, server: Server) -> None:
    value = site.issue("Keyboard")
    keep_out(server, value)
    problem = refused(server, CURL.replace("{}", value))
    page = troubleshoot()
    paste_until_written(page, problem["instance"])
    page.reload()
    tab_to(page, page.get_by_label("Token, header or reference"))
    page.keyboard.insert_text(value)
    tab_to(page, page.get_by_role("button", name="Find out"), limit=1)
    page.keyboard.press("Enter")
    expect(page.locator("#verdict")).to_be_focused()
    tab_to(page, page.get_by_role("link", name="Allow that address"), limit=1)
    tab_to(page, page.get_by_role("link", name="Keyboard"), limit=1)
    tab_to(page, page.get_by_label("Token, header or reference"))
    page.keyboard.insert_text("hello")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator("#verdict")).to_have_text(
        re.compile("This can't be a token of this installation")
    )


STATES = ["form", "works", "partly", "revoked", "faults", "empty"]


@pytest.fixture(scope="module")
def pasted(site: Installation, server: Server) -> dict[str, str]:
    """What brings the page into each state."""
    works, partly, revoked = site.issue("n" * 100), site.issue("Partly"), site.issue("Revoked")
    keep_out(server, partly)
    revoke(server, revoked)
    refused(server, CURL.replace("{}", partly))
    return {
        "works": works,
        "partly": partly,
        "revoked": revoked,
        "faults": f"Bearer  “{works[:60]}”",
        "empty": "",
    }


@pytest.mark.parametrize("state", STATES)
@on_each_screen
def test_every_state_on_every_screen(
    troubleshoot: NewPage, pasted: dict[str, str], state: str, screens: Screens
) -> None:
    page = troubleshoot(bypass_csp=True, expected=("422", "htmx:"))
    if state == "empty":
        page.get_by_role("button", name="Find out").click()
        expect(page.get_by_label("Token, header or reference")).to_be_focused()
        expect(page.locator(".errorlist")).to_have_text(
            "Paste what was sent, or the reference of the answer."
        )
    elif state != "form":
        paste(page, pasted[state])
    assert faults(page, screens) == []
