"""The usage report: sums, the edges of the 30 days, callers and scopes."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.conftest import Issue
from tests.pages.conftest import FIRST, HOUR, NOW, REFUSED, aged, record
from tokens.models import Token
from tokens.pages.callers import percentage
from tokens.pages.usage_report import MAX_CALLERS, Report
from tokens.problems import problem

pytestmark = pytest.mark.usefixtures("clock")


def test_sums_of_thirty_days_in_utc(token: Token) -> None:
    record(token, FIRST - timedelta(seconds=1), times=50)
    record(token, FIRST, times=2)
    record(token, NOW - timedelta(days=3), times=4, problem=REFUSED)
    record(token, NOW, status=500)
    with timezone.override("Pacific/Kiritimati"):  # tomorrow there
        chart = Report(token).chart
    assert (chart.requests, chart.answered, chart.refused) == (7, 3, 4)
    assert len(chart.bars) == 30
    assert [bar[:3] for bar in chart.bars if bar.requests] == [
        ("Mon 26 Oct", 2, 0),
        ("Sat 21 Nov", 4, 4),
        ("Tue 24 Nov", 1, 0),
    ]
    assert (chart.bars[0].label, chart.bars[-1].label) == ("Mon 26 Oct", "Tue 24 Nov")
    assert chart.title == "7 requests in 30 days, 4 refused; most on Sat 21 Nov: 4"
    assert [bar.is_unfinished for bar in chart.bars] == [False] * 29 + [True]
    assert [(n, bar.tick) for n, bar in enumerate(chart.bars) if bar.tick] == [
        (1, "27 Oct"), (8, "3 Nov"), (15, "10 Nov"), (22, "17 Nov"), (29, "24 Nov"),
    ]  # fmt: skip


def test_the_last_hours_where_the_person_is(token: Token) -> None:
    first = NOW.replace(minute=0) - 47 * HOUR
    record(token, first - timedelta(seconds=1), times=9)
    record(token, first, times=2, problem=REFUSED)
    record(token, NOW)
    with timezone.override("Europe/Berlin"):
        report = Report(token, "hour")
        bars = [bar[:3] for bar in report.chart.bars if bar.requests]
        ticks = [bar.tick for bar in report.chart.bars if bar.tick]
    assert bars == [("22 Nov, 14:00 CET", 2, 2), ("24 Nov, 13:00 CET", 1, 0)]
    assert ticks == ["23 Nov", "12:00 CET", "24 Nov", "12:00 CET"]
    assert (len(report.chart.bars), report.chart.span) == (48, "48 hours")
    assert [(link.query, link.current) for link in report.periods] == [
        ("?", False),
        ("?by=hour", True),
    ]


@pytest.mark.parametrize("by", ["", "day", "hours", "\0"])
def test_other_periods_are_the_days(token: Token, by: str) -> None:
    assert Report(token, by).chart.span == "30 days"


def test_callers_busiest_first(token: Token) -> None:
    record(token, FIRST - timedelta(days=1), times=99, address="192.0.2.9")
    record(token, times=3, address="192.0.2.7")
    record(token, NOW - timedelta(days=2), times=2, address="192.0.2.7", problem=REFUSED)
    record(token, NOW - HOUR, times=4, address="192.0.2.8", agent="")
    record(token, address="", agent="curl/8")
    record(token, address="", agent="")
    shown, others = Report(token).callers
    assert others == 0
    assert [
        (caller.words, caller.requests, caller.refused, caller.last_at) for caller in shown
    ] == [
        ("192.0.2.7 (<bdi>curl</bdi>)", 5, 2, NOW),
        ("192.0.2.8", 4, 0, NOW - HOUR),
        ("other callers (counted together)", 1, 0, NOW),
        ("an unknown address (<bdi>curl</bdi>)", 1, 0, NOW),
    ]


def test_a_caller_is_one_however_many_days_and_statuses(token: Token) -> None:
    for status in (200, 302, 404, 500):
        for days in (0, 1, 29):
            record(token, NOW - timedelta(days=days), status=status)
    shown, _ = Report(token).callers
    assert [caller.requests for caller in shown] == [12]


def test_ten_callers_and_how_many_others(token: Token) -> None:
    for n in range(MAX_CALLERS + 5):
        record(token, times=n + 1, address=f"192.0.2.{n}")
    shown, others = Report(token).callers
    assert ([caller.requests for caller in shown], others) == ([*range(15, 5, -1)], 5)


def test_what_a_program_calls_itself_is_escaped(token: Token) -> None:
    record(token, agent="<b>/1")
    assert Report(token).callers.shown[0].words == "192.0.2.1 (<bdi>&lt;b&gt;</bdi>)"


def test_the_share_of_a_caller(token: Token) -> None:
    record(token, times=3, address="192.0.2.7")
    record(token, address="192.0.2.8", problem=REFUSED)
    report = Report(token, "hour")
    assert [share for _, share in report.shares] == ["75%", "25%"]
    assert (report.totals, report.totals.refused_share) == ((4, 1), "25%")


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "0%"), (0, 9, "0%"), (1, 10_000, "under 0.1%"), (268, 94_665, "0.3%"),
        (1, 20, "5%"), (6, 10, "60%"), (999, 1_000, "99%"), (10, 10, "100%"),
    ],
)  # fmt: skip
def test_percentage(part: int, whole: int, text: str) -> None:
    assert percentage(part, whole) == text


def test_what_happened_is_marked_in_the_chart(token: Token) -> None:
    with time_machine.travel(NOW - timedelta(days=4), tick=False):
        token.set_rate_limit("10/minute")
        token.set_rate_limit("20/minute")
    with time_machine.travel(NOW - HOUR, tick=False):
        successor, _ = Token.objects.renew(
            token, expires_at=NOW + timedelta(days=30), overlap=timedelta(days=1)
        )
    marked = {bar.label: bar.marks for bar in Report(token).chart.bars if bar.marks}
    assert [mark.words for mark in marked["Fri 20 Nov"]] == ["Rate limit changed"]
    assert [mark.words for mark in marked["Tue 24 Nov"]] == ["Renewed", "Created"]
    hours = Report(successor, "hour").chart.bars
    assert [(bar.label, bar.marks[0].words) for bar in hours if bar.marks] == [
        ("24 Nov, 11:00 UTC", "Made by renewing")
    ]


def test_required_scopes(token: Token) -> None:
    record(token, times=3, scopes=("a:read",))
    lacks = problem.insufficient_scope(["b:read", "c:read"], ["b:read"])
    record(token, scopes=("b:read", "c:read"), problem=lacks)
    record(token, FIRST - timedelta(seconds=1), scopes=("a:write",))
    report = Report(token)
    assert report.used == {"a:read": 3, "b:read": 1}  # refused requests count too
    assert report.unused == ["a:write"]
    record(token, FIRST, scopes=("a:write",))
    assert Report(token).unused == []


def test_requests_of_the_predecessor_count(token: Token) -> None:
    """A program that renews its token uses the scope tokens:renew with the old token only."""
    record(token, scopes=("a:write",))
    successor, _ = Token.objects.renew(
        token, expires_at=NOW + timedelta(days=30), overlap=timedelta(days=1)
    )
    record(successor, scopes=("a:read",))
    assert Report(successor).used == {"a:read": 1, "a:write": 1}
    assert Report(successor).unused == ["b:read"]
    assert Report(successor).suggests_narrowing
    token.refresh_from_db()
    assert not Report(token).suggests_narrowing  # it ends soon


def test_since_when_it_is_counted(token: Token) -> None:
    report = Report(token)
    assert (report.since, report.is_whole, report.span) == (FIRST.date(), True, "in 30 days")
    report = Report(aged(token, 3))
    assert (str(report.since), report.is_whole) == ("2026-11-21", False)
    assert report.span == "since 21 Nov 2026"


def test_an_older_token_in_an_installation_that_counts_only_now(issue: Issue) -> None:
    other, token = issue(name="Other")[0], aged(issue()[0], 100)
    assert str(Report(token).since) == "2026-11-24"  # nothing is known
    record(other, NOW - timedelta(days=5))
    assert str(Report(token).since) == "2026-11-19"


@pytest.mark.parametrize("by", ["", "hour"])
def test_queries_do_not_grow_with_usage(
    token: Token, by: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for much in (False, True):
        if much:
            for n in range(30):
                at, address = NOW - timedelta(days=n), f"192.0.2.{n}"
                record(token, at, times=5, address=address, problem=REFUSED)
        report = Report(token, by)
        with django_assert_num_queries(6 if by else 5):  # the totals are those of the days
            _ = (report.chart, report.callers, report.events)
            _ = (report.totals, report.required, report.since)
