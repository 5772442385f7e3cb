"""Test the pages' size, their requests, and their behaviour when the server does not answer."""

import re
import time

import pytest
from playwright.sync_api import Page, Route, StorageState, expect

from tests.browser.conftest import NewPage, cards, settled, sign_in
from tests.run import patience
from tests.server import Installation, Server
from tests.values import token_value

MAX_BYTES = 37 * 1024  # compressed; identifiers and numbers differ from run to run
MAX_REQUESTS = 5
COLOURS = {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}
# A refused style or script becomes a console error, and `new_page` fails the test for that.
REPORT_VIOLATIONS = """addEventListener('securitypolicyviolation', event => console.error(
  'policy violation', event.violatedDirective, event.blockedURI, event.sourceFile,
  event.lineNumber))"""


@pytest.fixture(scope="module")
def site(own_site: Installation) -> Installation:
    return own_site


@pytest.fixture(scope="module")
def forty_scopes(server: Server) -> None:
    """In 12 resources, besides the API's own four."""
    server.run(
        "from tokens.models import Scope;"
        "[Scope.objects.create(name=f'resource-{n % 12}:action-{n}',"
        " words=f'Do number {n} of what there is to do') for n in range(40)]"
    )


@pytest.mark.usefixtures("seeded", "forty_scopes")
@pytest.mark.parametrize(
    "shown", [("", ".cards > li", 5), ("new/", "[name=scopes]", 44)], ids=["list", "form"]
)
def test_weight(
    new_page: NewPage, server: Server, session: StorageState, shown: tuple[str, str, int]
) -> None:
    path, items, count = shown
    page = new_page(storage_state=session)
    assert_light(page, f"{server.url}/settings/tokens/{path}")
    expect(page.locator(items)).to_have_count(count)


def assert_light(page: Page, url: str) -> None:
    """Open it, and count what that fetches, compressed, with styles, scripts and the icon."""
    network = page.context.new_cdp_session(page)
    requests: dict[str, str] = {}
    received: dict[str, float] = {}
    network.on(
        "Network.requestWillBeSent",
        lambda event: requests.update({event["requestId"]: event["request"]["url"]}),
    )
    network.on(
        "Network.loadingFinished",
        lambda event: received.update({event["requestId"]: event["encodedDataLength"]}),
    )
    network.send("Network.enable")
    page.goto(url, wait_until="networkidle")
    deadline = time.monotonic() + patience(3)
    while received.keys() != requests.keys() and time.monotonic() < deadline:
        page.title()  # lets events in: the icon may come last
    weights = {requests[key]: size for key, size in received.items()}
    assert len(received) == len(requests) <= MAX_REQUESTS, requests
    assert 0 < sum(received.values()) <= MAX_BYTES, weights


def test_a_whole_walk_is_clean(new_page: NewPage, site: Installation, server: Server) -> None:
    walker = site.for_another("walker@example.com")
    walker.issue("Administered")
    page = new_page()
    page.add_init_script(REPORT_VIOLATIONS)
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(server.url)
    sign_in(page, server, walker)
    walk_through_tokens(page)
    walk_through_administration(page, server)
    assert [url for url in requested if not url.startswith(f"{server.url}/")] == []


def walk_through_tokens(page: Page) -> None:
    page.get_by_role("link", name="Create token").click()
    page.get_by_label("Token name").fill("Walk")
    page.get_by_label("No expiration").check()
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_role("heading", name="“Walk” created")).to_be_visible()
    page.get_by_role("button", name="Copy", exact=True).click()
    for language in ("Python", "JavaScript", "cURL"):
        page.get_by_role("tab", name=language, exact=True).click()
        expect(page.get_by_role("tabpanel", name=language, exact=True)).to_be_visible()
    for theme in ("dark", "light", ""):
        page.get_by_label("Theme").select_option(theme)
    page.get_by_role("list", name="Filter by status").get_by_role(
        "link", name="Expiring soon"
    ).click()
    expect(page).to_have_url(re.compile(r"\?status=expiring$"))
    expect(cards(page, "Walk")).to_have_count(0)
    page.get_by_role("list", name="Filter by status").get_by_role("link", name="All").click()
    expect(cards(page, "Walk")).to_be_visible()
    settled(page)
    page.get_by_label("Search by name or first characters").fill("Walk")
    expect(page).to_have_url(re.compile(r"\?q=Walk"))
    cards(page, "Walk").get_by_role("link", name="Revoke").click()
    page.get_by_role("button", name="Keep token").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    cards(page, "Walk").get_by_role("link", name="Walk").click()
    expect(page.get_by_role("heading", name="Walk")).to_be_visible()
    page.get_by_role("link", name="Revoke").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("button", name="Revoke token").click()
    expect(page.get_by_role("status").first).to_contain_text("“Walk” is revoked")
    page.get_by_role("link", name="Activity").click()
    expect(page.get_by_role("heading", name="Activity")).to_be_visible()


def walk_through_administration(page: Page, server: Server) -> None:
    page.get_by_role("link", name="Administration").click()
    expect(page).to_have_url(f"{server.url}/admin/")
    page.get_by_role("row", name="Tokens").get_by_role("link", name="Tokens", exact=True).click()
    expect(page).to_have_url(re.compile(r"/admin/tokens/token/$"))
    page.get_by_role("link", name="Administered").first.click()
    expect(page.get_by_role("heading", name="Administered")).to_be_visible()
    page.go_back()
    page.locator("tr").filter(has_text="Administered").locator("input[type=checkbox]").check()
    page.locator("select[name=action]").select_option("revoke")
    page.get_by_role("button", name=re.compile("Go|Run")).click()
    expect(page.get_by_role("heading", name="Revoke this token?")).to_be_visible()
    page.get_by_role("button", name="Revoke token").click()
    expect(page.get_by_text("1 revoked. Requests with them fail from now on.")).to_be_visible()


@pytest.mark.usefixtures("forty_scopes")
def test_words_follow_the_chosen_scopes(
    new_page: NewPage, server: Server, session: StorageState
) -> None:
    page = new_page(storage_state=session, expected=("422", "htmx:"))
    page.goto(f"{server.url}/settings/tokens/new/")
    words = page.locator(".can")
    expect(words).to_have_attribute("aria-live", "polite")
    expect(words).to_contain_text(
        "You chose no scopes. The token can call only endpoints that need no scope."
    )
    page.get_by_label("tokens:read").check()
    page.get_by_label("tokens:renew").check()
    expect(words.get_by_role("listitem")).to_have_text(
        ["See your tokens tokens:read", "Renew itself tokens:renew"]
    )
    expect(words.get_by_text("You chose no scopes")).to_be_hidden()
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_label("Token name")).to_have_attribute("aria-invalid", "true")
    expect(words.get_by_role("listitem")).to_have_count(2)
    for name in ("tokens:read", "tokens:renew"):
        page.get_by_label(name).uncheck()
    expect(words.get_by_text("You chose no scopes")).to_be_visible()


@pytest.mark.usefixtures("seeded")
def test_filters_combine(new_page: NewPage, server: Server, session: StorageState) -> None:
    page = new_page(storage_state=session)
    page.goto(f"{server.url}/settings/tokens/")
    page.evaluate("window.loadedOnce = true")
    page.get_by_role("list", name="Filter by environment").get_by_role(
        "link", name="Staging"
    ).click()
    expect(page).to_have_url(re.compile(r"\?environment=test$"))
    expect(cards(page, "Production API")).to_have_count(0)
    settled(page)
    expect(page.get_by_role("link", name="Staging")).to_be_focused()
    page.get_by_role("list", name="Filter by status").get_by_role(
        "link", name="Expiring soon"
    ).click()
    expect(page).to_have_url(re.compile(r"\?status=expiring&environment=test$"))
    settled(page)
    page.get_by_label("Search by name or first characters").fill("CI")
    expect(page).to_have_url(re.compile(r"q=CI"))
    assert "environment=test" in page.url
    assert "status=expiring" in page.url
    expect(cards(page, "CI pipeline")).to_be_visible()
    assert page.evaluate("window.loadedOnce") is True


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_theme(new_page: NewPage, site: Installation, server: Server, scheme: str) -> None:
    """Follow the system's theme until somebody chooses a theme; keep the choice on every page."""
    page = new_page(color_scheme=scheme)
    sign_in(page, server, site.for_another(f"{scheme}@example.com"))
    page.goto(f"{server.url}/settings/tokens/")
    other = "dark" if scheme == "light" else "light"
    body = page.locator("body")
    theme = page.get_by_label("Theme")
    expect(theme).to_have_value("")
    expect(body).to_have_css("background-color", COLOURS[scheme])
    with page.expect_response("**/settings/theme/"):
        theme.select_option(other)
    expect(body).to_have_css("background-color", COLOURS[other])
    page.reload()
    expect(body).to_have_css("background-color", COLOURS[other])
    expect(theme).to_have_value(other)
    page.goto(f"{server.url}/settings/activity/")
    expect(body).to_have_css("background-color", COLOURS[other])
    with page.expect_response("**/settings/theme/"):
        theme.select_option("")
    expect(body).to_have_css("background-color", COLOURS[scheme])
    page.reload()
    expect(body).to_have_css("background-color", COLOURS[scheme])


@pytest.mark.usefixtures("seeded")
def test_search_as_you_type(new_page: NewPage, server: Server, session: StorageState) -> None:
    page = new_page(storage_state=session)
    page.goto(f"{server.url}/settings/tokens/")
    page.evaluate("window.loadedOnce = true")
    search = page.get_by_label("Search by name or first characters")
    search.press_sequentially("pipe")
    expect(page).to_have_url(re.compile(r"\?q=pipe$"))
    expect(page.locator(".cards > li")).to_have_count(1)
    expect(cards(page, "CI pipeline")).to_be_visible()
    expect(search).to_be_focused()
    settled(page)
    search.press_sequentially("line")
    expect(page).to_have_url(re.compile(r"\?q=pipeline$"))
    expect(search).to_have_value("pipeline")
    search.fill("")
    expect(cards(page, "Production API")).to_be_visible()
    assert page.evaluate("window.loadedOnce") is True


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("path", ["tokens", "activity"])
def test_no_secret_stays_in_a_search(
    new_page: NewPage, server: Server, session: StorageState, path: str
) -> None:
    """Nor reaches the address, be the token whole or broken."""
    page = new_page(storage_state=session)
    page.goto(f"{server.url}/settings/{path}/")
    search = page.get_by_label("Search", exact=path == "activity")
    value = token_value()
    for typed, left in (
        (value, value[:24]),
        (f"{value[:40]}-{value[41:]}", value[:24]),
        (value[9:], ""),
    ):
        search.fill(typed)
        expect(search).to_have_value(left)


@pytest.mark.usefixtures("seeded")
def test_typing_on_while_the_search_runs(
    new_page: NewPage, server: Server, session: StorageState
) -> None:
    """The answer to the first letters does not take back those typed since."""
    page = new_page(storage_state=session)
    page.goto(f"{server.url}/settings/tokens/")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/settings/tokens/?q=*", hold, times=1)
    search = page.get_by_label("Search by name or first characters")
    with page.expect_request("**/settings/tokens/?q=*"):
        search.press_sequentially("pip")
    search.press_sequentially("e")
    with page.expect_response("**/settings/tokens/?q=*"):
        held[0].continue_()
    expect(page).to_have_url(re.compile(r"\?q=pipe$"))
    expect(search).to_have_value("pipe")
    expect(search).to_be_focused()


@pytest.mark.usefixtures("seeded")
def test_filter_and_back(new_page: NewPage, server: Server, session: StorageState) -> None:
    page = new_page(storage_state=session)
    page.goto(f"{server.url}/settings/tokens/")
    page.get_by_role("link", name=re.compile("^Expired")).click()
    expect(page).to_have_url(re.compile(r"\?status=expired$"))
    expect(cards(page, "Production API")).to_have_count(0)
    page.evaluate("history.back()")
    expect(page).to_have_url(f"{server.url}/settings/tokens/")
    expect(cards(page, "Production API")).to_be_visible()
    expect(page.get_by_role("navigation", name="Settings")).to_have_count(1)
    theme = page.get_by_label("Theme")
    expect(theme).to_be_visible()
    theme.select_option("dark")
    expect(page.locator("body")).to_have_css("background-color", COLOURS["dark"])
