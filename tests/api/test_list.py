"""GET /api/v1/tokens"""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from tests.api.conftest import Caller
from tests.conftest import Issue, bearer
from tokens.models import Token


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [token["name"] for token in answer.json()["items"]]


def follow(caller: Caller, answer: Any) -> Any:
    return Client().get(answer.json()["next"], headers=bearer(caller.value))


def test_the_owners_tokens_newest_first(caller: Caller, issue: Issue, teammate: User) -> None:
    issue(name="Theirs", owner=teammate)
    issue(name="Mine")
    answer = caller("GET", "tokens")
    assert names(answer) == ["Mine", "Caller"]
    assert answer.json()["next"] is None
    assert answer.json()["items"][1] == caller("GET", "token").json()
    assert answer["Cache-Control"] == "no-store"


def test_pages(caller: Caller, issue: Issue) -> None:
    """List each token once, also with equal creation times and new tokens between two pages."""
    for number in range(6):
        issue(name=str(number))
    Token.objects.filter(name__in=["2", "3", "4"]).update(created_at=timezone.now())
    expected = [token.name for token in Token.objects.all()]
    page = caller("GET", "tokens?limit=2")
    found = names(page)
    issue(name="new")
    while page.json()["next"]:
        page = follow(caller, page)
        found += names(page)
    assert found == expected
    assert len(names(page)) == 1


def test_a_page_that_is_just_full_is_the_last(caller: Caller, issue: Issue) -> None:
    issue()
    assert caller("GET", "tokens?limit=2").json()["next"] is None


def test_the_number_of_queries_does_not_grow(caller: Caller, issue: Issue) -> None:
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            caller("GET", "tokens")
        counts.append(len(queries))
        for _ in range(5):
            issue()
    assert counts == [2, 2]


@pytest.fixture
def one_of_each(caller: Caller, issue: Issue) -> None:
    now = timezone.now()
    issue(name="soon", expires_at=now + timedelta(days=1))
    issue(name="staging", environment="test")
    revoked, _ = issue(name="revoked")
    revoked.revoke()
    expired, _ = issue(name="expired")
    Token.objects.filter(pk=expired.pk).update(expires_at=now)
    retiring, _ = issue(name="retiring")
    Token.objects.renew(retiring, expires_at=now + timedelta(days=90), overlap=timedelta(days=1))
    Token.objects.filter(renewed_from=retiring).update(name="successor")


@pytest.mark.usefixtures("one_of_each")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=active", ["Caller", "staging", "successor"]),
        ("status=expiring", ["soon"]),
        ("status=retiring", ["retiring"]),
        ("status=expired", ["expired"]),
        ("status=revoked", ["revoked"]),
        ("environment=test", ["staging"]),
        ("status=active&environment=live", ["Caller", "successor"]),
        ("q=VOKED", ["revoked"]),  # no shorter word: identifiers are searched too, and random
        ("q=tkn_test_", ["staging"]),
        ("q=nothing", []),
    ],
)
def test_filters(caller: Caller, query: str, found: list[str]) -> None:
    assert sorted(names(caller("GET", f"tokens?{query}"))) == found


@pytest.mark.usefixtures("one_of_each")
def test_filters_stay_on_the_next_page(caller: Caller) -> None:
    page = caller("GET", "tokens?status=active&environment=live&q=e&limit=1")
    assert names(page) == ["successor"]
    assert names(follow(caller, page)) == ["Caller"]


def test_no_value_stands_in_the_next_address(caller: Caller, issue: Issue) -> None:
    page = caller("GET", f"tokens?q={caller.value}&limit=1")
    assert names(page) == ["Caller"]
    for _ in range(2):
        issue(name=caller.token.identifier)
    following = caller("GET", f"tokens?q={caller.value}&limit=1").json()["next"]
    assert caller.token.identifier in following
    assert caller.value[:25] not in following


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=many", "limit"),
        ("status=gone", "status"),
        ("environment=prod", "environment"),
        ("cursor=nonsense", "cursor"),
        ("cursor=1-1%0A", "cursor"),
        ("q=a%00b", "q"),
        ("q=" + "a" * 101, "q"),
        ("enviroment=live", "enviroment"),
        ("page=2", "page"),
    ],
)
def test_what_is_wrong_is_named(caller: Caller, query: str, field: str) -> None:
    answer = caller("GET", f"tokens?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_without_the_scope(issue: Issue) -> None:
    answer = Caller(*issue(scopes=["tokens:write"]))("GET", "tokens")
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert "tokens:read" in answer.json()["detail"]
