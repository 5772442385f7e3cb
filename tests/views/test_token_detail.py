"""GET /settings/tokens/<identifier>/, and that another person's answers 404 on every route and method."""

import html
import re

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.conftest import Issue
from tokens.models import Event, Scope, Token

METHODS = ["get", "head", "post", "put", "patch", "delete", "options"]


def test_owner(issue: Issue, owner_client: Client) -> None:
    token, value = issue()
    response = owner_client.get(token.get_absolute_url())
    page = response.content.decode()
    for words in (token.name, token.identifier, "cURL", "Python", "Python (httpx)", "JavaScript", "History", "Created"):
        assert words in page
    assert value[24:] not in page
    assert token.digest not in page


def access(page: str) -> dict[str, str]:
    """The terms of Access and what stands beside them, without markup."""
    found = re.findall(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", page, re.DOTALL)
    return {term: " ".join(re.sub(r"<[^>]+>", " ", words).split()) for term, words in found}


def test_access_of_a_plain_token(issue: Issue, owner_client: Client) -> None:
    token, _ = issue(environment="test")
    assert access(owner_client.get(token.get_absolute_url()).content.decode()) == {
        "Scopes": "None: it can only call endpoints that ask for no scope.",
        "Allowed addresses": "Anywhere",
        "Environment": "Staging",
        "Rate limit": "1000 requests in an hour",
    }


def test_access_in_words(issue: Issue, owner: User, owner_client: Client) -> None:
    """As it stands now: one scope was deleted since, and the owner has left the group of another."""
    finance, sales = Group.objects.create(name="Finance"), Group.objects.create(name="Sales & co")
    owner.groups.add(finance, sales)
    for name, group in {"reports:read": None, "invoices:read": finance, "crm:read": sales, "old:read": None}.items():
        Scope.objects.create(name=name, words=f"May {name}", group=group)
    token, _ = issue(
        scopes=["reports:read", "invoices:read", "crm:read", "old:read"],
        allowed_addresses=["203.0.113.7/32", "10.0.0.0/8"],
    )
    Scope.objects.get(name="old:read").delete()
    owner.groups.remove(sales)
    token.limit("10/second;1000/day")
    assert access(owner_client.get(token.get_absolute_url()).content.decode()) == {
        "Scopes": "crm:read May crm:read not while you are outside Sales &amp; co invoices:read May invoices:read"
        " old:read no longer in use: refused reports:read May reports:read"
        f" Granted 4, used 0 since {timezone.now():%-d %b %Y}",
        "Allowed addresses": "203.0.113.7 10.0.0.0/8",
        "Environment": "Production",
        "Rate limit": "10 requests in a second and 1000 requests in a day, set for this token by an administrator",
    }


def test_access_costs_the_same_queries_for_any_number_of_scopes(
    issue: Issue, owner_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    names = [f"reports:read{number}" for number in range(40)]
    Scope.objects.bulk_create(Scope(name=name, words="Read") for name in names)
    token, _ = issue(scopes=names)
    # session, user, token, its owner, what it made, scopes, those held, events; and six of what test_token_usage tells
    with django_assert_num_queries(14):
        owner_client.get(token.get_absolute_url())


def test_history_says_what_the_limit_became(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    token.limit("10/minute")
    token.limit("")
    page = html.unescape(owner_client.get(token.get_absolute_url()).content.decode())
    assert "Rate limit changed to 10/minute" in page
    assert "Rate limit changed to the installation's" in page


def test_history_is_the_newest_events_and_a_link_to_all_of_them(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    for limit in range(1, 31):
        token.limit(f"{limit}/minute")
    page = html.unescape(owner_client.get(token.get_absolute_url()).content.decode())
    assert page.count("Rate limit changed to") == 20
    assert "Rate limit changed to 30/minute" in page
    assert f'href="/settings/activity/?token={token.identifier}"' in page


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", ["", "revoke/", "narrow/"])
def test_teammate_finds_nothing_and_changes_nothing(
    issue: Issue, teammate_client: Client, method: str, route: str
) -> None:
    token, _ = issue()
    before = Token.objects.values().get()
    response = getattr(teammate_client, method)(token.get_absolute_url() + route)
    assert response.status_code == 404
    assert token.name not in response.content.decode()
    assert Token.objects.values().get() == before
    assert Event.objects.count() == 1


def test_stranger(issue: Issue, stranger_client: Client) -> None:
    token, _ = issue()
    assert stranger_client.get(token.get_absolute_url()).status_code == 302


@pytest.mark.parametrize("identifier", ["x" * 24, "x" * 23, "x" * 73, "tkn_live_%00"])
def test_unknown(owner_client: Client, identifier: str) -> None:
    assert owner_client.get(f"/settings/tokens/{identifier}/").status_code == 404


@pytest.mark.parametrize(
    "page", ["/settings/tokens/", "{}", "{}renew/", "{}revoke/", "{}edit/", "{}narrow/", "/settings/activity/"]
)
def test_a_name_is_no_markup_on_any_page(issue: Issue, owner_client: Client, page: str) -> None:
    token, _ = issue(name="<img src=x onerror=alert(1)>")
    answer = owner_client.get(page.format(token.get_absolute_url())).content.decode()
    assert "&lt;img src=x onerror=alert(1)&gt;" in answer
    assert "<img src=x" not in answer
