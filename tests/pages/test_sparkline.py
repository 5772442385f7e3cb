"""The sparklines of the token list."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from pytest_django import DjangoAssertNumQueries

from tests.conftest import Issue
from tokens.models import DayCount, Token
from tokens.pages.sparkline import Sparkline, sparkline, sparklines

NOW = datetime(2026, 11, 22, 23, tzinfo=UTC)


def count(token: Token, days_ago: int, requests: int, address: str = "192.0.2.1") -> None:
    day = (NOW - timedelta(days=days_ago)).date()
    DayCount.objects.create(
        token=token, day=day, address=address, status_class=2, requests=requests, last_at=NOW
    )


@pytest.mark.parametrize(
    ("requests", "drawn"),
    [
        ([0, 10, 5], Sparkline("15 requests in 30 days", "M4 20v-20M7 20v-10")),
        ([10_000, 0, 1], Sparkline("10,001 requests in 30 days", "M1 20v-20M7 20v-2")),
        ([0, 0, 1], Sparkline("1 request in 30 days", "M7 20v-20")),
    ],
)
def test_a_bar_for_each_day_with_requests(requests: list[int], drawn: Sparkline) -> None:
    assert sparkline(requests) == drawn


def test_30_days_of_each_token_in_one_query(
    issue: Issue, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    busy, idle, old = (issue(name=name)[0] for name in ("busy", "idle", "old"))
    count(busy, 0, 4)
    count(busy, 29, 3)
    count(busy, 29, 1, address="192.0.2.2")
    count(busy, 30, 9)
    count(old, 30, 9)
    with time_machine.travel(NOW, tick=False), django_assert_num_queries(1):
        drawn = sparklines([busy.pk, idle.pk, old.pk])
    assert drawn == {busy.pk: Sparkline("8 requests in 30 days", "M1 20v-20M88 20v-20")}
