"""Fixtures: a token with reported usage, at a fixed time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.conftest import Issue
from tests.records import a_record
from tokens.models import Scope, Token
from tokens.problems import problem
from tokens.usage.recorder import recorder

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
FIRST = datetime(2026, 10, 26, tzinfo=UTC)  # the first of 30 days
REFUSED = problem.address_not_allowed("192.0.2.1")
HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def token(issue: Issue) -> Token:
    """Return an old token in an installation that has counted for even longer."""
    Scope.objects.bulk_create(
        Scope(name=name, words=name) for name in ("a:read", "a:write", "b:read")
    )
    other, _ = issue(name="Other")
    record(other, FIRST - timedelta(days=60))
    return aged(issue(scopes=["a:read", "a:write", "b:read"])[0], 100)


def aged(token: Token, days: int) -> Token:
    Token.objects.filter(pk=token.pk).update(created_at=NOW - timedelta(days=days))
    token.refresh_from_db()
    return token


def record(
    token: Token, at: datetime = NOW, times: int = 1, address: str = "192.0.2.1", **facts: object
) -> None:
    for _ in range(times):
        recorder.record(a_record(token, at, address, **facts))
    recorder.flush()
