"""A program gets no second rate limit by making or renewing tokens, and makes only so many."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from tests.api.conftest import Caller
from tests.conftest import Issue
from tokens.api import tokens as making
from tokens.models import Event, Token
from tokens.rate_limits import counters
from tokens.rate_limits.counters import peek_token

MAKES = {"name": "child", "scopes": ["tokens:read", "tokens:write", "tokens:renew"]}


def child_of(caller: Caller) -> Caller:
    answer = caller("POST", "tokens", MAKES)
    assert answer.status_code == 201, answer.content
    return Caller(
        Token.objects.get(identifier=answer.json()["identifier"]), answer.json()["token"]
    )


def test_making_and_revoking_admits_no_more_than_the_limit(caller: Caller) -> None:
    """Create a child, revoke the parent, go on as the child: all of them share one limit.

    A program once made 425 requests this way at 20 a minute.
    """
    caller.token.set_rate_limit("20/minute")
    admitted = 0
    for _ in range(30):
        last = caller("GET", "token")
        admitted += last.status_code == 200
        if last.status_code == 429 or (made := caller("POST", "tokens", MAKES)).status_code == 429:
            break
        admitted += 1
        admitted += caller("DELETE", "token").status_code == 204
        caller = Caller(caller.token, made.json()["token"])
    assert admitted == 20
    assert caller("GET", "token").json()["code"] == "rate_limited"


def test_renewing_itself_neither(caller: Caller) -> None:
    caller.token.set_rate_limit("3/minute")
    made = caller("POST", "token/renew", {"overlap": "now"}).json()
    successor = Caller(Token.objects.get(identifier=made["identifier"]), made["token"])
    answers = [successor("GET", "token").status_code for _ in range(3)]
    assert answers == [200, 200, 429]


def test_a_renewal_by_a_person_begins_anew(caller: Caller) -> None:
    caller.token.set_rate_limit("1/minute")
    caller("GET", "token")
    successor, new = Token.objects.renew(
        caller.token, expires_at=timezone.now() + timedelta(days=9), overlap=timedelta(hours=1)
    )
    assert Caller(successor, new.value)("GET", "token").status_code == 200


def test_a_successor_of_a_child_counts_with_the_maker_too(caller: Caller) -> None:
    child = child_of(caller)
    made = child("POST", "token/renew").json()
    assert Token.objects.get(identifier=made["identifier"]).limit_key == caller.token.identifier


def test_an_administrators_limit_reaches_those_that_count_together(caller: Caller) -> None:
    child, grandchild = child_of(caller), child_of(child_of(caller))
    caller.token.set_rate_limit("100/minute")
    for each in (child, grandchild):
        each.token.refresh_from_db()
        assert (each.token.rate_limit, each.token.limit_key) == (
            "100/minute",
            caller.token.identifier,
        )
        assert Event.objects.filter(kind="limited", identifier=each.token.identifier).exists()


def test_a_limit_of_its_own_is_counted_by_itself(caller: Caller) -> None:
    child = child_of(caller)
    child.token.set_rate_limit("5/minute")
    caller.token.set_rate_limit("1/minute")
    child.token.refresh_from_db()
    assert (child.token.rate_limit, child.token.limit_key) == ("5/minute", child.token.identifier)
    assert [child("GET", "token").status_code for _ in range(2)] == [200, 200]


def test_a_limit_of_a_made_token_reaches_what_that_made(caller: Caller) -> None:
    child, sibling = child_of(caller), child_of(caller)
    grandchild, other = child_of(child), child_of(child)
    below = child_of(other)
    other.token.set_rate_limit("7/minute")
    child.token.refresh_from_db()
    child.token.set_rate_limit("5/minute")
    groups = {
        ("5/minute", child.token.identifier): (child, grandchild),
        ("7/minute", other.token.identifier): (other, below),
        ("", caller.token.identifier): (caller, sibling),
    }
    for expected, members in groups.items():
        for each in members:
            each.token.refresh_from_db()
            assert (each.token.rate_limit, each.token.limit_key) == expected
    answers = [each("GET", "token").status_code for each in (child, grandchild) for _ in range(3)]
    assert answers == [200, 200, 200, 200, 200, 429]


def test_what_is_left_is_told_of_both_together(caller: Caller) -> None:
    child = child_of(caller)
    child("GET", "token")
    answer = caller("GET", "token")
    assert answer["X-RateLimit-Remaining"] == "997"
    assert peek_token(child.token.limit_key, "").remaining[0][0] == 997


def test_so_many_creations_in_an_hour(
    caller: Caller, issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Revoked ones count too, and the owner's own do not."""
    monkeypatch.setattr(making, "MAX_CREATIONS", 2)
    now = timezone.now()
    with time_machine.travel(now, tick=False) as clock:
        issue()
        child_of(caller)("DELETE", "token")
        clock.shift(timedelta(minutes=10))
        child = child_of(caller)
        for each in (caller, child):
            refused = each("POST", "tokens", MAKES)
            assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
            assert refused["Retry-After"] == str(50 * 60)
            assert refused.json()["violated-policies"] == ["creations"]
            assert "2 tokens in an hour" in refused.json()["detail"]
        clock.shift(timedelta(minutes=50))
        counters.shared_counters.clear()
        child_of(caller)


def test_a_creation_that_was_made_before_is_not_one_more(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "MAX_CREATIONS", 1)
    for status in (201, 200):
        assert caller("POST", "tokens", MAKES, Idempotency_Key="k").status_code == status
