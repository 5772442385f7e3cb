"""Everything below a path of a host that Tokenry shares with another application, behind nginx."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.browser.accounts.conftest import (
    NEW_PASSWORD,
    choose_password,
    link_in,
    mails_to,
    sign_out,
)
from tests.browser.conftest import AUTHENTICATOR, NewPage, cards, launched, sign_in
from tests.run import patience, until
from tests.server import Installation, Server, chromium
from tests.system.below_a_path import installation_below_path

ATTRIBUTES = ["href", "src", "action", "formaction", "hx-get", "hx-post"]
OUTSIDE = """([site, names]) => names
  .flatMap((name) => [...document.querySelectorAll(`[${name}]`)]
    .map((tag) => new URL(tag.getAttribute(name), location).href))
  .filter((link) => link.startsWith(location.origin) && !`${link}/`.startsWith(`${site}/`))"""
SECURE = {"path": "/tokens/", "secure": True, "httpOnly": True, "sameSite": "Lax"}
COOKIES = {
    "__Secure-tokenry_session_tokens": SECURE,
    "__Secure-tokenry_csrftoken_tokens": SECURE,
    # The script writes the time zone.
    "tokenry_zone_tokens": SECURE | {"secure": False, "httpOnly": False},
}


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium that takes nginx's certificate. Only so do passkeys work with it."""
    with launched(playwright, chromium(), "--ignore-certificate-errors") as started:
        yield started


@pytest.fixture(scope="module")
def site(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, mails: Path
) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("below")
    with installation_below_path(folder, EMAIL_URL=f"filemail:///{mails}") as made:
        yield made


@pytest.fixture
def page(new_page: NewPage, server: Server) -> Iterator[Page]:
    """A page whose requests are all below the path."""
    page = new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.url}/"))
    yield page
    assert [url for url in asked if not url.startswith(f"{server.url}/")] == []


def assert_links_inside(page: Page, server: Server) -> None:
    """Assert that the page, or a dialog in it, has no link to another path of the host."""
    assert page.evaluate(OUTSIDE, [server.url, ATTRIBUTES]) == []


def cookies(page: Page) -> dict[str, dict[str, object]]:
    """The attributes of each cookie, by name."""
    return {
        cookie["name"]: {name: cookie.get(name) for name in SECURE}
        for cookie in page.context.cookies()
    }


def link_below(beginning: str, mails: Path, address: str) -> str:
    """Wait for a mail to `address` whose first link begins so, and return the link.

    Several threads send mails, so the mail may not be the newest.
    """
    found: list[str] = []

    def arrived() -> None:
        links = map(link_in, mails_to(mails, address))
        found.extend(link for link in links if link.startswith(beginning))
        assert found

    until(arrived, AssertionError)
    return found[0]


def status_of(server: Server, value: str) -> tuple[int, str]:
    """The status of a call of the API with that token, and its name or the problem's code."""
    done = subprocess.run(
        ["curl", "-ksS", "-w", "\n%{http_code}", "-H", f"Authorization: Bearer {value}",
         f"{server.url}/api/v1/token"],
        capture_output=True, text=True, check=True, timeout=patience(6),
    )  # fmt: skip
    body, status = done.stdout.rsplit("\n", 1)
    answer = json.loads(body)
    return int(status), answer.get("code", answer.get("name"))


def test_the_job(page: Page, site: Installation, server: Server) -> None:
    sign_in(page, server, site, site.add_person("somebody@example.com"))
    assert cookies(page) == COOKIES
    page.get_by_label("Token name").fill("CI")
    page.get_by_role("button", name="Create token").click()
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    old = page.evaluate("navigator.clipboard.readText()")
    expect(page.locator("main")).to_contain_text(f"{server.url}/api/v1/token")
    assert_links_inside(page, server)
    assert status_of(server, old) == (200, "CI")

    cards(page, "CI").get_by_role("link", name="Renew").click()
    expect(page.get_by_role("button", name="Renew token")).to_be_visible()
    assert_links_inside(page, server)
    page.get_by_role("button", name="Renew token").click()
    expect(page.get_by_role("heading", name="“CI” renewed")).to_be_visible()
    expect(page).to_have_url(f"{server.url}/settings/tokens/")
    new = page.locator("#token-value").input_value()
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert (status_of(server, old), status_of(server, new)) == ((200, "CI"), (200, "CI"))

    page.goto(f"{server.url}/settings/tokens/{new[:24]}/")
    assert_links_inside(page, server)
    with page.expect_download() as calendar:
        page.get_by_role("link", name="Add to calendar").click()
    text = calendar.value.path().read_text().replace("\n ", "")
    assert f"URL:{server.url}/settings/tokens/{new[:24]}/\n" in text

    page.get_by_role("link", name="Revoke").click()
    page.get_by_role("button", name="Revoke token").click()
    expect(page.get_by_role("status").first).to_contain_text("revoked")
    assert status_of(server, new) == (401, "revoked_token")


def test_all_pages(page: Page, site: Installation, server: Server) -> None:
    identifier = site.issue("Nightly")[:24]
    sign_in(page, server, site)
    for link in ("Activity", "Sessions", "Security", "Profile", "API tokens", "Help"):
        page.get_by_role("link", name=link, exact=True).first.click()
        if link != "Help":
            expect(page.locator("nav [aria-current=page]")).to_have_text(link)
        assert_links_inside(page, server)
    page.goto(f"{server.url}/api/v1/docs")
    assert_links_inside(page, server)
    page.goto(f"{server.url}/settings/activity/")
    page.get_by_label("Theme").select_option("Dark")
    until(lambda: cookies(page)["tokenry_theme_tokens"], KeyError)
    assert cookies(page) == COOKIES | {"tokenry_theme_tokens": SECURE}
    page.get_by_role("link", name="Administration").click()
    page.locator("a[href='/tokens/admin/tokens/token/']").first.click()
    page.get_by_role("link", name="Nightly").click()
    expect(page.locator("#content")).to_contain_text(identifier)
    assert_links_inside(page, server)
    page.get_by_role("link", name="API tokens").first.click()
    expect(page).to_have_url(f"{server.url}/settings/tokens/")
    sign_out(page)
    assert_links_inside(page, server)
    assert "__Secure-tokenry_session_tokens" not in cookies(page)


def test_the_neighbour_gets_no_cookie(
    new_page: NewPage, site: Installation, server: Server
) -> None:
    page = new_page()
    sign_in(page, server, site)
    for path in ("/", "/tokensx/", "/settings/tokens/"):
        answer = page.goto(f"https://{urlsplit(server.url).netloc}{path}")
        assert answer is not None
        assert (answer.status, answer.text()) == (200, "")


def test_mails(page: Page, site: Installation, server: Server, mails: Path) -> None:
    person = site.add_person("forgets@example.com")
    value = site.issue("Backup", email=person)
    page.goto(f"{server.url}/accounts/password/reset/")
    page.get_by_label("Email").fill(person)
    page.locator("main button.primary").click()
    page.goto(link_below(f"{server.url}/accounts/password/reset/key/", mails, person))
    choose_password(page)
    page.goto(server.url)
    page.get_by_label("Email").fill(person)
    page.get_by_label("Password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="API tokens")).to_be_visible()
    cards(page, "Backup").get_by_role("link", name="Revoke").click()
    page.get_by_role("button", name="Revoke token").click()
    expect(page.get_by_role("status").first).to_contain_text("revoked")

    assert status_of(server, value) == (401, "revoked_token")
    link_below(f"{server.url}/settings/tokens/{value[:24]}/", mails, person)


def test_passkey(page: Page, site: Installation, server: Server) -> None:
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    sign_in(page, server, site, site.add_person("passkey@example.com"))
    page.get_by_role("link", name="Security", exact=True).click()
    page.get_by_role("link", name="Add").click()
    page.get_by_label("Passkey").check()
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("status")).to_be_visible()
    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(f"{server.url}/settings/tokens/")


def test_two_installations_on_one_host_do_not_meet(
    new_page: NewPage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """On http, as on one's own machine. All ports of a host share their cookies."""
    page = new_page()
    with (
        closing(Installation(tmp_path_factory.mktemp("first"))) as first,
        closing(Installation(tmp_path_factory.mktemp("second"))) as second,
    ):
        for site, path in ((first, ""), (second, "/second")):
            server = site.server()
            server.environment["SITE_URL"] = f"{server.url}{path}"
            server.start()
            server.url += path
            sign_in(page, server, site)
        for site in (first, second):
            page.goto(f"{site.servers[0].url}/settings/tokens/")
            expect(page.get_by_role("heading", name="API tokens")).to_be_visible()
    assert {name: found["path"] for name, found in cookies(page).items()} == {
        f"tokenry_{name}{suffix}": path
        for name in ("session", "csrftoken", "zone")
        for suffix, path in (("", "/"), ("_second", "/second/"))
    }
