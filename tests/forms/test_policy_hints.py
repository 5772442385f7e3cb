"""Forms show what policies demand, before somebody breaks them."""

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.conftest import Issue, page_of
from tokens.models import Scope, TokenPolicy
from tokens.pages.policy_hints import PolicyHints
from tokens.token_settings import TokenSettings

NEW = "/settings/tokens/new/"


@pytest.fixture(autouse=True)
def policies(db: None) -> None:
    Scope.objects.bulk_create(Scope(name=name, words=name) for name in ("a:read", "b:read"))
    TokenPolicy.objects.create(name="Everybody", max_days=200, allowed_scopes="a:*")
    TokenPolicy.objects.create(
        name="Live", environment="live", max_days=31, needs_addresses=True, name_pattern="team-*",
        max_tokens=1,
    )  # fmt: skip


def lifetimes(page: str) -> list[str]:
    return re.findall(r'name="expires" value="(\w+)"', page)


def test_the_form_that_creates(owner_client: Client, issue: Issue) -> None:
    page = page_of(owner_client.get(NEW))
    assert lifetimes(page) == ["30d", "90d", "6m"]  # Staging allows 200 days
    for words in (
        "Policy “Everybody”: 200 days at most.",
        "Policy “Live” (Production): 31 days at most.",
        "Policy “Live” (Production): names like team-*.",
        "Policy “Live” (Production): addresses are needed.",
    ):
        assert words in page
    marked = re.findall(r'<small id="words-([^"]+)">[^<]*<b>not allowed by policy “(\w+)”', page)
    assert ("b:read", "Everybody") in marked
    assert "a:read" not in dict(marked)
    assert 'class="notice error"' not in page


def test_a_full_owner_is_told_first(owner_client: Client, issue: Issue) -> None:
    TokenPolicy.objects.update(needs_addresses=False, name_pattern="", max_days=None)
    token, _ = issue()
    words = "1 active token at most, and so many exist."
    assert words in page_of(owner_client.get(NEW))
    assert words not in page_of(owner_client.get(f"{token.get_absolute_url()}renew/"))


def test_a_second_factor_is_asked_for_first(
    owner: User, owner_client: Client, issue: Issue, token_settings: TokenSettings
) -> None:
    token, _ = issue(environment="test")
    TokenPolicy.objects.create(name="Factor", needs_second_factor=True)
    for path in (NEW, f"{token.get_absolute_url()}renew/"):
        assert "you need a second factor to make a token" in page_of(owner_client.get(path))
    token_settings.HAS_SECOND_FACTOR = lambda user: user == owner
    assert "you need a second factor" not in page_of(owner_client.get(NEW))


def test_the_form_that_renews(owner_client: Client, issue: Issue) -> None:
    TokenPolicy.objects.update(needs_addresses=False, name_pattern="", max_tokens=None)
    TokenPolicy.objects.filter(name="Live").update(max_days=100)
    token, _ = issue()
    page = page_of(owner_client.get(f"{token.get_absolute_url()}renew/?expires=1y"))
    assert lifetimes(page) == ["30d", "90d"]
    assert "Policy “Live”: 100 days at most." in page
    assert re.search(r'value="90d"[^>]* checked', page)


def test_the_form_that_edits(owner_client: Client, issue: Issue) -> None:
    token, _ = issue(environment="test", scopes=["a:read"])
    TokenPolicy.objects.update(environment="")
    page = page_of(owner_client.get(f"{token.get_absolute_url()}edit/"))
    assert "Policy “Live”: names like team-*." in page
    assert "not allowed by policy “Everybody”" in page


def test_names_of_policies_are_shown_as_text(owner_client: Client) -> None:
    TokenPolicy.objects.create(name="<b>x</b>", name_pattern="<i>*", needs_addresses=True)
    page = page_of(owner_client.get(NEW))
    assert "<b>x</b>" not in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "<i>*" not in page


def test_one_query_for_all_policies(
    owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        TokenPolicy.objects.create(name=str(number), max_tokens=number + 1)
    with django_assert_num_queries(1):
        hints = PolicyHints(owner, ["live", "test"])
    with django_assert_num_queries(1):
        assert list(hints.warnings(owner)) == []
