"""Every page in every state, judged by axe-core in both themes, and squeezed to 320 px."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, StorageState, expect

from tests.browser.conftest import NewPage, session_of
from tests.browser.life_states import LIFE_STATES
from tests.browser.other_states import OTHER_STATES
from tests.browser.screens import Screens, faults, on_each_screen
from tests.browser.team_states import LEAD, MAKE_TEAMS, TEAM_STATES
from tests.browser.visit import CATALOGUE, Visit
from tests.server import Installation, Server

EXPECTED = ("403", "404", "409", "422", "429", "Failed to load resource", "htmx:")
NEWCOMER = "newcomer@example.com"
COLLECTOR = "collector@example.com"


def sign_in_page(visit: Visit) -> None:
    visit.open("/accounts/login/")


def sign_in_error(visit: Visit) -> None:
    sign_in_page(visit)
    visit.page.get_by_role("button", name="Sign in", exact=True).click()
    expect(visit.page.get_by_label("Email")).to_have_attribute("aria-invalid", "true")


def sign_in_refused(visit: Visit) -> None:
    sign_in_page(visit)
    size = visit.page.viewport_size
    assert size is not None
    visit.page.get_by_label("Email").fill(f"nobody-{size['width']}@example.com")
    visit.page.get_by_label("Password").fill("wrong")
    visit.page.get_by_role("button", name="Sign in", exact=True).click()
    expect(visit.page.get_by_role("alert")).to_be_visible()


def sign_in_too_often(visit: Visit) -> None:
    for _ in range(6):
        sign_in_page(visit)
        visit.page.get_by_label("Email").fill("guessed@example.com")
        visit.page.get_by_label("Password").fill("wrong")
        visit.page.get_by_role("button", name="Sign in", exact=True).click()
        expect(visit.page.get_by_role("alert")).to_be_visible()
    expect(visit.page.get_by_role("alert")).to_contain_text("Too many tries")
    expect(visit.page.get_by_label("Email")).to_have_value("guessed@example.com")


def sign_up_closed(visit: Visit) -> None:
    visit.open("/accounts/signup/")
    expect(visit.page.get_by_role("heading", name="Sign-up is closed")).to_be_visible()


def empty_list(visit: Visit) -> None:
    visit.open("/settings/tokens/")
    expect(visit.page.get_by_role("heading", name="You have no tokens yet")).to_be_visible()


def create_form(visit: Visit) -> None:
    visit.open("/settings/tokens/new/")
    visit.page.get_by_label("No expiration").check()
    expect(visit.page.get_by_text("Long-lived tokens are riskier")).to_be_visible()
    visit.page.locator("summary").filter(has_text="More").click()
    expect(visit.page.get_by_label("Allowed addresses")).to_be_visible()


def scopes_chosen(visit: Visit) -> None:
    visit.open("/settings/tokens/new/?scopes=reports:read,invoices:write")
    visit.page.get_by_label("rrr").check()
    expect(visit.page.get_by_text("May reports:read reports:read")).to_be_visible()
    expect(visit.page.get_by_text("while you are a member of Finance").first).to_be_visible()


def scopes_error(visit: Visit) -> None:
    visit.open("/settings/tokens/new/?scopes=reports:read,reports:write")
    visit.page.get_by_label("reports:write").evaluate("box => { box.value = 'vanished:read' }")
    visit.send()
    expect(visit.page.get_by_text("Not yours to give now: vanished:read.")).to_be_visible()
    expect(visit.page.get_by_role("group", name="Scopes")).to_be_focused()
    expect(visit.page.get_by_label("reports:read")).to_be_checked()


def addresses_error(visit: Visit) -> None:
    visit.open("/settings/tokens/new/?allowed_addresses=10.0.0.5/8")
    visit.send()
    expect(visit.page.get_by_text("did you mean 10.0.0.0/8?")).to_be_visible()
    expect(visit.page.get_by_label("Allowed addresses")).to_be_focused()
    expect(visit.page.get_by_label("Allowed addresses")).to_have_attribute("aria-invalid", "true")


def create_error(visit: Visit) -> None:
    visit.open("/settings/tokens/new/")
    visit.send(name="")
    expect(visit.page.get_by_label("Token name")).to_have_attribute("aria-invalid", "true")


def create_unconfirmed(visit: Visit) -> None:
    visit.open("/settings/tokens/new/")
    visit.page.route("**/settings/tokens/new/", lambda route: route.abort())
    visit.send()
    expect(visit.page.get_by_text("We couldn't confirm that")).to_be_visible()


def reveal(visit: Visit) -> None:
    visit.open("/settings/tokens/new/")
    visit.send()
    visit.page.get_by_role("button", name="Copy", exact=True).click()
    expect(visit.page.get_by_text("is copied")).to_be_visible()


def already_sent(visit: Visit) -> None:
    visit.open("/settings/tokens/new/")
    nonce = visit.page.locator("[name=nonce]").input_value()
    visit.send()
    expect(visit.page.locator("#token-value")).to_be_visible()
    visit.open("/settings/tokens/new/")
    visit.page.locator("[name=nonce]").evaluate("(field, nonce) => { field.value = nonce }", nonce)
    visit.send()
    expect(visit.page.get_by_role("heading", name="This form was already sent")).to_be_visible()


def full_list(visit: Visit) -> None:
    visit.open("/settings/tokens/")
    visit.page.locator("summary").click()
    for status in ("Active", "Expiring soon", "Expired", "Revoked"):
        expect(visit.page.locator(".badge").get_by_text(status, exact=True).first).to_be_visible()


def filtered_list(visit: Visit) -> None:
    visit.open("/settings/tokens/?status=active&environment=live")
    chosen = visit.page.get_by_role("list", name="Filter by environment").get_by_role(
        "link", name="Production"
    )
    expect(chosen).to_have_attribute("aria-current", "true")


def nothing_found(visit: Visit) -> None:
    visit.open("/settings/tokens/?q=nothing-like-it")
    expect(visit.page.get_by_text("No token matches")).to_be_visible()


def token_page(visit: Visit) -> None:
    visit.open(f"/settings/tokens/{visit.seeded['n' * 100]}/")
    expect(visit.page.get_by_role("tablist")).to_be_visible()


def token_access(visit: Visit) -> None:
    visit.open(f"/settings/tokens/{visit.seeded['Access']}/")
    for words in (
        "no longer in use: refused",
        "not while you are outside SSS",
        "10 requests in a second and 1000",
    ):
        expect(visit.page.get_by_text(words)).to_be_visible()


def activity(visit: Visit) -> None:
    visit.open("/settings/activity/")
    expect(visit.page.get_by_role("listitem").first).to_be_visible()


def activity_filtered(visit: Visit) -> None:
    visit.open(f"/settings/activity/?token={visit.seeded['n' * 100]}&q=nn")
    expect(visit.page.get_by_role("link", name="All tokens")).to_be_visible()
    expect(visit.page.get_by_role("link", name="JSON Lines")).to_be_visible()


def activity_error(visit: Visit) -> None:
    visit.open("/settings/activity/?since=2026-11-12&until=2026-11-11")
    expect(visit.page.get_by_label("To", exact=True)).to_be_focused()
    expect(visit.page.get_by_label("To", exact=True)).to_have_attribute("aria-invalid", "true")


def approvals(visit: Visit) -> None:
    visit.open("/settings/approvals/")
    expect(visit.page.get_by_role("button", name="Approve")).to_have_count(4)
    visit.page.get_by_text("Decline").first.click()
    expect(visit.page.get_by_label("Reason").first).to_be_visible()


def not_found(visit: Visit) -> None:
    visit.open("/settings/tokens/tkn_live_000000000000000/")
    expect(visit.page.get_by_role("heading", name="This page does not exist")).to_be_visible()


# The user of each state: nobody, somebody without tokens, somebody with many tokens, or the
# administrator with six tokens.
STATES: dict[Callable[[Visit], None], str] = {
    sign_in_page: "nobody",
    sign_in_error: "nobody",
    sign_in_refused: "nobody",
    sign_in_too_often: "nobody",
    sign_up_closed: "nobody",
    empty_list: "newcomer",
    create_form: "administrator",
    scopes_chosen: "administrator",
    scopes_error: "administrator",
    addresses_error: "administrator",
    create_error: "administrator",
    create_unconfirmed: "administrator",
    reveal: "administrator",
    already_sent: "administrator",
    full_list: "administrator",
    filtered_list: "administrator",
    nothing_found: "administrator",
    **dict.fromkeys(LIFE_STATES, "administrator"),
    token_page: "administrator",
    token_access: "administrator",
    activity: "administrator",
    activity_filtered: "administrator",
    activity_error: "administrator",
    **TEAM_STATES,
    approvals: "administrator",
    **OTHER_STATES,
    not_found: "administrator",
}
each_state = pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)


@pytest.fixture(scope="module")
def site(own_site: Installation) -> Installation:
    return own_site


@pytest.fixture(scope="module")
def sessions(
    browser: Browser, server: Server, site: Installation, session: StorageState
) -> dict[str, StorageState | None]:
    site.add_person(NEWCOMER)
    site.add_person(COLLECTOR)
    site.add_person(LEAD)
    server.run(MAKE_TEAMS)
    for number in range(26):  # a page of the list has 25
        site.issue(f"Token {number}", email=COLLECTOR)
    return {
        "nobody": None,
        "collector": session_of(browser, server, site, COLLECTOR),
        "lead": session_of(browser, server, site, LEAD),
        "newcomer": session_of(browser, server, site, NEWCOMER),
        "administrator": session,
    }


@pytest.fixture(scope="module")
def catalogue(server: Server, site: Installation, seeded: dict[str, str]) -> dict[str, str]:
    """The seeded tokens and one more, in a catalogue of ten scopes that has changed since."""
    return seeded | {"Access": server.run(CATALOGUE.replace("EMAIL", repr(site.email)))}


@pytest.fixture
def show(
    new_page: NewPage,
    server: Server,
    sessions: dict[str, StorageState | None],
    catalogue: dict[str, str],
) -> Callable[[Callable[[Visit], None]], Page]:
    """Open a page in a state."""

    def open_in(state: Callable[[Visit], None]) -> Page:
        page = new_page(
            storage_state=sessions[STATES[state]],
            expected=EXPECTED,
            bypass_csp=True,
            timezone_id="Europe/Berlin",
        )
        state(Visit(page, server.url, catalogue))
        return page

    return open_in


@each_state
@on_each_screen
def test_every_screen(
    show: Callable[[Callable[[Visit], None]], Page],
    state: Callable[[Visit], None],
    screens: Screens,
) -> None:
    assert faults(show(state), screens) == []
