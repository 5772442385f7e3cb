"""GET /settings/tokens/<identifier>/. Tokens of others answer 404 on all routes and methods."""

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.conftest import Issue, signed_in
from tests.records import a_record
from tokens.models import Event, Scope, Token
from tokens.problems.problem import address_not_allowed
from tokens.usage.recorder import recorder

METHODS = ["get", "head", "post", "put", "patch", "delete", "options"]


def test_owner(issue: Issue, owner_client: Client) -> None:
    token, value = issue()
    response = owner_client.get(token.get_absolute_url())
    page = response.content.decode()
    for words in (
        token.name,
        token.identifier,
        "cURL",
        "Python",
        "With a time-out and retries, by httpx",
        "JavaScript",
        "History",
        "Created",
    ):
        assert words in page
    assert value[24:] not in page
    assert token.digest not in page


def access(page: str) -> dict[str, str]:
    """Return the terms of Access and their values, without markup."""
    return terms(page.split("<h2>Access</h2>")[1].split("</section>", maxsplit=1)[0])


def terms(page: str) -> dict[str, str]:
    """Return the terms of description lists and their values, without markup."""
    found = re.findall(r"<dt>(.*?)</dt>\s*<dd[^>]*>(.*?)</dd>", page, re.DOTALL)
    return {term: " ".join(re.sub(r"<[^>]+>", " ", words).split()) for term, words in found}


def test_access_of_a_plain_token(issue: Issue, owner_client: Client) -> None:
    token, _ = issue(environment="test")
    assert access(owner_client.get(token.get_absolute_url()).content.decode()) == {
        "Scopes": "None. The token can call only endpoints that need no scope.",
        "Allowed addresses": "Anywhere",
        "Environment": "Staging",
        "Rate limit": "1000 requests in an hour",
    }


def test_access_in_words(issue: Issue, owner: User, owner_client: Client) -> None:
    """One scope was deleted meanwhile, and the owner has left the group of another."""
    finance, sales = Group.objects.create(name="Finance"), Group.objects.create(name="Sales & co")
    owner.groups.add(finance, sales)
    for name, group in {
        "reports:read": None,
        "invoices:read": finance,
        "crm:read": sales,
        "old:read": None,
    }.items():
        Scope.objects.create(name=name, words=f"May {name}", group=group)
    token, _ = issue(
        scopes=["reports:read", "invoices:read", "crm:read", "old:read"],
        allowed_addresses=["203.0.113.7/32", "10.0.0.0/8"],
    )
    Scope.objects.get(name="old:read").delete()
    owner.groups.remove(sales)
    token.set_rate_limit("10/second;1000/day")
    assert access(owner_client.get(token.get_absolute_url()).content.decode()) == {
        "Scopes": "crm:read May crm:read not while you are outside Sales &amp; co"
        " invoices:read May invoices:read"
        " old:read no longer in use: refused reports:read May reports:read"
        f" Granted 4, used 0 since {timezone.now():%-d %b %Y}",
        "Allowed addresses": "203.0.113.7 10.0.0.0/8",
        "Environment": "Production",
        "Rate limit": "10 requests in a second and 1000 requests in a day,"
        " set for this token by an administrator",
    }


def test_access_costs_the_same_queries_for_any_number_of_scopes(
    issue: Issue, owner_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    names = [f"reports:read{number}" for number in range(40)]
    Scope.objects.bulk_create(Scope(name=name, words="Read") for name in names)
    token, _ = issue(scopes=names)
    # session, user, token, owner, made tokens, scopes, held scopes, events; and five of the report
    # and the requests
    with django_assert_num_queries(13):
        owner_client.get(token.get_absolute_url())


def test_history_says_what_the_limit_became(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    token.set_rate_limit("10/minute")
    token.set_rate_limit("")
    page = html.unescape(owner_client.get(token.get_absolute_url()).content.decode())
    assert "the installation's → 10/minute" in page
    assert "10/minute → the installation's" in page


def test_history_is_the_newest_events_and_a_link_to_all_of_them(
    issue: Issue, owner_client: Client
) -> None:
    token, _ = issue()
    for limit in range(1, 31):
        token.set_rate_limit(f"{limit}/minute")
    page = html.unescape(owner_client.get(token.get_absolute_url()).content.decode())
    history = page.split("<h2>History</h2>")[1]
    assert history.count("Rate limit changed") == 10
    assert "29/minute → 30/minute" in history
    assert f'href="/settings/activity/?token={token.identifier}"' in page


def test_history_says_what_a_change_was(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    token.change(
        name="New", description="", scopes=[], allowed_addresses=["10.0.0.0/8", "192.0.2.7/32"]
    )
    page = owner_client.get(token.get_absolute_url()).content.decode()
    assert "<bdi>name: Production API → New</bdi>" in page
    assert "<bdi>allowed addresses: anywhere → 10.0.0.0/8, 192.0.2.7</bdi>" in page


def test_four_facts_at_a_glance(issue: Issue, owner_client: Client) -> None:
    with time_machine.travel(datetime(2026, 11, 24, 12, 30, tzinfo=UTC), tick=False):
        token, _ = issue(expires_at=timezone.now() + timedelta(days=90))
        client = signed_in(token.owner)
        since = "since 24 Nov 2026"
        facts = terms(client.get(token.get_absolute_url()).content.decode())
        assert list(facts.items())[:4] == [
            ("Expires", "in 90 days 22 Feb 2027"),
            ("Last used", "Never"),
            ("Requests", f"0 {since}"),
            ("Refused", "0"),
        ]
        for _ in range(3):
            recorder.record(a_record(token))
        recorder.record(a_record(token, problem=address_not_allowed("192.0.2.1")))
        recorder.flush()
        facts = terms(client.get(token.get_absolute_url()).content.decode())
        assert list(facts.items())[1:4] == [
            ("Last used", "just now from 192.0.2.1 ( curl )"),
            ("Requests", f"4 {since}"),
            ("Refused", "1 25% of them"),
        ]


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"revoked_at": timedelta(days=-2)}, ("Revoked", "2 days ago 22 Nov 2026")),
        ({"expires_at": timedelta(hours=-2)}, ("Expired", "2 hours ago 24 Nov 2026")),
        (
            {"expires_at": timedelta(hours=2), "renewed_at": timedelta(days=-2)},
            ("Works until", "in 2 hours 14:30 UTC"),
        ),
    ],
)
def test_the_first_fact_says_how_the_token_ends(
    issue: Issue, changes: dict[str, timedelta], fact: tuple[str, str]
) -> None:
    now = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
    with time_machine.travel(now, tick=False):
        token, _ = issue()
        Token.objects.filter(pk=token.pk).update(
            **{name: now + distance for name, distance in changes.items()}
        )
        page = signed_in(token.owner).get(token.get_absolute_url()).content.decode()
    assert next(iter(terms(page).items())) == fact
    assert ("safe to revoke" in page) == ("renewed_at" in changes)


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
    "page",
    [
        "/settings/tokens/",
        "{}",
        "{}renew/",
        "{}revoke/",
        "{}edit/",
        "{}narrow/",
        "/settings/activity/",
    ],
)
def test_a_name_is_no_markup_on_any_page(issue: Issue, owner_client: Client, page: str) -> None:
    token, _ = issue(name="<img src=x onerror=alert(1)>")
    answer = owner_client.get(page.format(token.get_absolute_url())).content.decode()
    assert "&lt;img src=x onerror=alert(1)&gt;" in answer
    assert "<img src=x" not in answer
