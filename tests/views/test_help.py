"""The guide shows the values of this installation: address, prefix, limits and choices."""

import re

import pytest
import time_machine
from django.test import Client
from django.utils.html import escape

from tests.conftest import Issue, page_of
from tokens.problems.catalog import REMEDIES
from tokens.problems.problem import AUTHENTICATION_CODES, TYPES
from tokens.token_settings import TokenSettings

pytestmark = pytest.mark.django_db
SUBJECTS = (
    "open", "create", "expiry", "store", "separate", "use", "view", "revoke", "renew", "share",
    "refused", "limits",
)  # fmt: skip


def test_everybody_may_read_it(stranger_client: Client, owner_client: Client) -> None:
    assert (
        stranger_client.get("/help/").status_code == owner_client.get("/help/").status_code == 200
    )


def test_its_index_names_every_section(client: Client) -> None:
    page = page_of(client.get("/help/"))
    index = page.partition('aria-label="Help"')[2].partition("</nav>")[0]
    assert (
        re.findall(r'href="#(\w+)"', index)
        == re.findall(r'<section id="(\w+)"', page)
        == list(SUBJECTS)
    )


@time_machine.travel("2026-11-24T12:00:00Z", tick=False)
def test_with_this_installations_values(client: Client, token_settings: TokenSettings) -> None:
    token_settings.SITE_URL = "https://tokens.example.com"
    token_settings.PREFIX = ("acme",)
    token_settings.RATE_LIMIT = "7/minute"
    token_settings.FAILED_AUTH_LIMIT = "3/hour"
    token_settings.MAX_TOKENS_PER_USER = 12
    page = page_of(client.get("/help/"))
    for words in (
        "https://tokens.example.com/settings/tokens/",
        "<code>acme_</code>",
        "<code>acme_test_</code>",
        "7 requests in a minute",
        "3 requests in an hour",
        "12 active tokens",
        "22 Feb 2027",
        "No expiration (4 years)",
        "https://tokens.example.com/api/v1/token",
    ):
        assert words in page, words


@time_machine.travel("2026-11-24T12:00:00Z", tick=False)
def test_only_what_the_policy_allows_is_offered(
    client: Client, token_settings: TokenSettings
) -> None:
    token_settings.MAX_TOKEN_LIFETIME_DAYS, token_settings.RETENTION_DAYS = 90, 70
    page = page_of(client.get("/help/"))
    assert "90 days" in page
    assert "No expiration" not in page
    assert "90 days is already chosen" in page
    token_settings.MAX_TOKEN_LIFETIME_DAYS = 60
    assert "30 days is already chosen" in page_of(client.get("/help/"))
    token_settings.MAX_TOKEN_LIFETIME_DAYS = 10
    page = page_of(client.get("/help/"))
    assert "4 Dec 2026" in page
    assert "10 days is already chosen" in page
    assert "90 days" not in page
    assert "revoked token for 70 days" in page
    assert page.count("(already chosen)") == 1


def test_only_this_installations_environment_is_named(
    client: Client, token_settings: TokenSettings
) -> None:
    named = "tkn_live_", "tkn_test_", "tkn_dev_"
    assert all(prefix in page_of(client.get("/help/")) for prefix in named)
    token_settings.ENVIRONMENT = "test"
    page = page_of(client.get("/help/"))
    assert [prefix in page for prefix in named] == [False, True, False]
    assert "Bearer tkn_test_…" in page


def test_what_counts_as_a_failed_attempt(client: Client) -> None:
    assert "A request without a token is refused but not counted" in page_of(client.get("/help/"))


def test_the_token_pages_link_to_it(owner_client: Client, issue: Issue) -> None:
    token, _ = issue()
    for path in ("/settings/tokens/", "/settings/tokens/new/", token.get_absolute_url()):
        assert 'href="/help/"' in owner_client.get(path).content.decode()


def test_every_refusal_is_explained(client: Client) -> None:
    page = page_of(client.get("/help/"))
    for code in AUTHENTICATION_CODES:
        meaning = f"{TYPES[code].status}: {escape(REMEDIES[code].meaning)}"
        assert f"<code>{code}</code> <small>{meaning}</small>" in page
        assert escape(REMEDIES[code].action) in page
    assert 'href="/settings/tokens/troubleshoot/"' in page


def test_teams_and_approvals(client: Client, token_settings: TokenSettings) -> None:
    page = page_of(client.get("/help/"))
    assert 'href="/settings/approvals/"' in page
    assert 'href="/settings/teams/"' in page
    token_settings.TEAM_USER = None
    page = page_of(client.get("/help/"))
    assert 'href="/settings/approvals/"' in page
    assert 'href="/settings/teams/"' not in page
    assert "to a team" not in page


def test_it_is_only_read(client: Client) -> None:
    assert client.post("/help/").status_code == 405
