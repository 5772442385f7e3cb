"""The guide speaks of this installation: its address, prefix, limits and choices."""

import re

import pytest
import time_machine
from django.test import Client
from django.utils.html import escape
from pytest_django import Settings

from tests.conftest import Issue
from tokens.denial import KINDS, REFUSALS
from tokens.remedies import REMEDIES

pytestmark = pytest.mark.django_db
SUBJECTS = (
    "open", "create", "expiry", "store", "separate", "use", "view", "revoke", "renew", "refused", "limits",
)  # fmt: skip


def test_everybody_may_read_it(stranger_client: Client, owner_client: Client) -> None:
    assert stranger_client.get("/help/").status_code == owner_client.get("/help/").status_code == 200


def test_its_index_names_every_section(client: Client) -> None:
    page = client.get("/help/").content.decode()
    index = page.partition('aria-label="Help"')[2].partition("</nav>")[0]
    assert re.findall(r'href="#(\w+)"', index) == re.findall(r'<section id="(\w+)"', page) == list(SUBJECTS)


@time_machine.travel("2026-11-24T12:00:00Z", tick=False)
def test_with_this_installations_values(client: Client, settings: Settings) -> None:
    settings.SITE_URL = "https://tokens.example.com"
    settings.TOKEN_PREFIX = "acme"
    settings.TOKEN_RATE_LIMIT = "7/minute"
    settings.FAILED_AUTH_LIMIT = "3/hour"
    settings.MAX_TOKENS_PER_USER = 12
    page = client.get("/help/").content.decode()
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
def test_only_what_the_policy_allows_is_offered(client: Client, settings: Settings) -> None:
    settings.MAX_TOKEN_LIFETIME_DAYS, settings.TOKEN_RETENTION_DAYS = 90, 70
    page = client.get("/help/").content.decode()
    assert "90 days" in page
    assert "No expiration" not in page
    assert "90 days is chosen already" in page
    settings.MAX_TOKEN_LIFETIME_DAYS = 60
    assert "30 days is chosen already" in client.get("/help/").content.decode()
    settings.MAX_TOKEN_LIFETIME_DAYS = 10
    page = client.get("/help/").content.decode()
    assert "4 Dec 2026" in page
    assert "10 days is chosen already" in page
    assert "90 days" not in page
    assert "revoked stays there for 70 days" in page
    assert page.count("(chosen unless you change it)") == 1


def test_only_this_installations_environment_is_named(client: Client, settings: Settings) -> None:
    named = "tkn_live_", "tkn_test_", "tkn_dev_"
    assert all(prefix in client.get("/help/").content.decode() for prefix in named)
    settings.TOKEN_ENVIRONMENT = "test"
    page = client.get("/help/").content.decode()
    assert [prefix in page for prefix in named] == [False, True, False]
    assert "Bearer tkn_test_…" in page


def test_what_counts_as_a_failed_attempt(client: Client) -> None:
    assert "A request without any token is refused but not counted" in client.get("/help/").content.decode()


def test_the_token_pages_link_to_it(owner_client: Client, issue: Issue) -> None:
    token, _ = issue()
    for path in ("/settings/tokens/", "/settings/tokens/new/", token.get_absolute_url()):
        assert 'href="/help/"' in owner_client.get(path).content.decode()


def test_every_refusal_is_explained(client: Client) -> None:
    page = client.get("/help/").content.decode()
    for code in REFUSALS:
        assert f"<code>{code}</code> <small>{KINDS[code].status}: {escape(REMEDIES[code].meaning)}</small>" in page
        assert escape(REMEDIES[code].action) in page
    assert 'href="/settings/tokens/troubleshoot/"' in page


def test_it_is_only_read(client: Client) -> None:
    assert client.post("/help/").status_code == 405
