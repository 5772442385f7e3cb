"""The overview: each number is that of the list to which it leads."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.administration.conftest import OVERVIEW, change
from tests.conftest import Issue, page_of
from tests.records import a_record
from tests.test_admin import staff
from tokens.administration.overview import Number, Overview
from tokens.administration.token_filters import week_start
from tokens.models import (
    ForeignCredential,
    ImportedToken,
    Scope,
    ScopeRequest,
    Source,
    Token,
    TokenPolicy,
)
from tokens.problems import problem
from tokens.token_settings import TokenSettings

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
HIDDEN = "safe\u202egnp.exe <img src=x>"


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def many(issue: Issue, teammate: User, token_settings: TokenSettings, recorded: Any) -> None:
    """Tokens in each status, and of each kind that the overview counts."""
    token_settings.MAX_TOKEN_LIFETIME_DAYS = None
    Scope.objects.create(name="a:read", words="Read")
    old = {"created_at": NOW - timedelta(days=120)}
    day = timedelta(days=1)
    issue(scopes=["a:read"])
    issue(environment="test", expires_at=NOW + 13 * day, name=HIDDEN)
    change(issue(environment="dev")[0], **old, last_used_at=NOW - 91 * day)
    change(issue(scopes=["a:read"])[0], **old, last_used_at=NOW - 89 * day)
    change(issue(expires_at=NOW + 400 * day)[0], **old)
    change(issue(scopes=["a:read"])[0], **old, expires_at=NOW - day)
    issue(scopes=["a:read"])[0].revoke(reason="superseded")
    renewed, _ = issue(name="Renewed")
    Token.objects.renew(renewed, expires_at=NOW + 90 * day, overlap=timedelta(hours=1))
    away, _ = issue(owner=teammate)
    issue(owner=teammate)[0].revoke()
    User.objects.filter(pk=teammate.pk).update(is_active=False)
    for value in ("a" * 40, "b" * 40):
        ImportedToken.objects.add(
            ForeignCredential.of(value), owner=renewed.owner, source=Source.KNOX, name="Old",
            environment="live", expires_at=NOW + 60 * day,
        )  # fmt: skip
    ImportedToken.objects.latest("pk").token.revoke()
    refused = problem.address_not_allowed("192.0.2.1")
    recorded(
        a_record(away, NOW), a_record(away, NOW - 8 * day, "192.0.2.8", problem=refused),
        a_record(away, NOW, problem=refused), a_record(renewed, NOW, problem=refused),
        a_record(renewed, NOW - 6 * day, "192.0.2.2"), a_record(renewed, NOW, ""),
    )  # fmt: skip
    token_settings.MAX_TOKEN_LIFETIME_DAYS = 365
    TokenPolicy.objects.create(name="Names", name_pattern="Production*")
    TokenPolicy.objects.create(name="Readers", allowed_scopes="b:read", environment="dev")
    leads, nobody = (Group.objects.create(name=name) for name in ("Leads", "Nobody"))
    User.objects.create_user(email="lead@example.com").groups.add(leads)
    for group, number in ((leads, 0), (nobody, 1)):
        waiting = Token.objects.order_by("pk")[number]
        ScopeRequest.objects.create(token=waiting, scope="a:read", approvers=group)


def numbers(overview: Overview) -> Iterator[Number]:
    for row in overview.statuses:
        yield from row.numbers
    yield from overview.attention
    yield from (row.tokens for row in overview.refusals)
    yield from (row.tokens for row in overview.callers)


@pytest.mark.usefixtures("many")
def test_each_number_is_that_of_its_list(admin_client: Client) -> None:
    overview = admin_client.get(OVERVIEW).context["overview"]
    shown = list(numbers(overview))
    assert len(shown) == 5 * 4 + 9 + 1 + 3
    page = page_of(admin_client.get(OVERVIEW))
    for number in shown:
        shown_list = admin_client.get(number.link)
        assert shown_list.status_code == 200, number
        assert shown_list.context["cl"].result_count == number.count, number
        assert f'<a href="{number.link.replace("&", "&amp;")}">{number.count}<' in page


@pytest.mark.usefixtures("many")
def test_what_it_counts(admin_client: Client) -> None:
    overview = admin_client.get(OVERVIEW).context["overview"]
    assert {number.label: number.count for number in overview.attention} == {
        "expiring within 14 days": 1,
        "not used for 90 days": 2,
        "longer than the maximum": 1,
        "that break a policy": 4,
        "with scopes that wait for approval": 2,
        "whose approvers are away: superusers may approve": 1,
        "without scopes": 7,
        "of accounts that are switched off": 1,
        "imported, not yet replaced": 1,
    }
    assert {row.label: row.numbers[-1].count for row in overview.statuses} == {
        "Active": 7, "Expiring soon": 1, "Retiring": 1, "Expired": 1, "Revoked": 3,
    }  # fmt: skip
    assert [(row.code, row.requests, row.tokens.count) for row in overview.refusals] == [
        ("address_not_allowed", 2, 2)
    ]
    assert [
        (row.caller.address, row.caller.requests, row.caller.refused, row.tokens.count)
        for row in overview.callers
    ] == [("192.0.2.1", 3, 2, 2), ("", 1, 0, 1), ("192.0.2.2", 1, 0, 1)]


def test_without_a_maximum(issue: Issue, admin_client: Client) -> None:
    issue(expires_at=NOW + timedelta(days=4000))
    answer = admin_client.get(OVERVIEW)
    assert "longer than the maximum" not in page_of(answer)
    assert "No longest lifetime is set" in page_of(answer)
    over = admin_client.get("/admin/tokens/token/?lifetime=over-policy").context["cl"]
    assert over.result_count == 0


def test_an_empty_installation(admin_client: Client) -> None:
    answer = admin_client.get(OVERVIEW)
    assert {number.count for number in numbers(answer.context["overview"])} == {0}
    assert page_of(answer).count("<p>None.</p>") == 2


@pytest.mark.parametrize("times", [1, 3])
def test_the_number_of_queries_is_fixed(
    issue: Issue,
    admin_client: Client,
    recorded: Any,
    django_assert_num_queries: DjangoAssertNumQueries,
    times: int,
) -> None:
    for number in range(times):
        token, _ = issue(name=f"Service {number}")
        recorded(a_record(token, NOW, f"192.0.2.{number}"))
    with django_assert_num_queries(5):
        list(numbers(Overview("/")))


def test_the_week_has_seven_days() -> None:
    assert week_start() == datetime(2026, 11, 18, tzinfo=UTC)


def test_it_is_linked(admin_client: Client, auditor_client: Client) -> None:
    for client in (admin_client, auditor_client):
        for path in ("/admin/", "/admin/tokens/", "/admin/tokens/token/", "/admin/tokens/event/"):
            assert f'href="{OVERVIEW}"' in client.get(path).content.decode(), path


def test_people_who_see_events_alone_get_no_link(teammate: User) -> None:
    page = staff(teammate, "view_event").get("/admin/tokens/event/").content.decode()
    assert OVERVIEW not in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"all", "other", "none"}),
        ("?scope=a:read", {"all", "other"}),
        ("?scope=a:read_all", set()),
        ("?scope=b:read", {"all"}),
        ("?scope=c:read", {"all"}),
        ("?scopes=none", {"none"}),
        ("?scopes=unknown", {"all", "other", "none"}),
        ("?scope=a:read&status=revoked", {"other"}),
        ("?refused=unknown", set()),
        ("?caller=unknown", set()),
    ],
)
def test_filters(issue: Issue, admin_client: Client, query: str, expected: set[str]) -> None:
    for name in ("a:read", "b:read", "c:read"):
        Scope.objects.create(name=name, words="Read")
    issue(name="all", scopes=["a:read", "b:read", "c:read"])
    issue(name="other", scopes=["a:read"])[0].revoke()
    issue(name="none")
    found = admin_client.get(f"/admin/tokens/token/{query}").context["cl"].result_list
    assert {token.name for token in found} == expected


def test_a_scope_leads_to_its_tokens(admin_client: Client) -> None:
    scope = Scope.objects.create(name="a:read", words="Read")
    page = admin_client.get(f"/admin/tokens/scope/{scope.pk}/change/").content.decode()
    assert 'href="/admin/tokens/token/?scope=a%3Aread"' in page


def test_names_are_shown_harmlessly(issue: Issue, admin_client: Client) -> None:
    token, _ = issue(name=HIDDEN)
    page = admin_client.post(OVERVIEW, {"pasted": token.identifier}).content.decode()
    assert "<img src=x" not in page
    assert "“<bdi>safe" in page


def test_it_is_not_cached(owner: User, admin_client: Client) -> None:
    for answer in (admin_client.get(OVERVIEW), admin_client.post(OVERVIEW, {"pasted": "x"})):
        assert "no-store" in answer["Cache-Control"]
