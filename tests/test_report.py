"""What a token's page says of its use: sums, the edges of its 30 days, callers, scopes, and who still calls."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.conftest import Issue, a_call
from tokens import denial, report
from tokens.models import Scope, Token
from tokens.report import MOST_CALLERS, Report
from tokens.usage import recorder

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
FIRST = datetime(2026, 10, 26, tzinfo=UTC)  # the first of 30 days
REFUSED = denial.address_not_allowed("192.0.2.1")
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def token(issue: Issue) -> Token:
    """Made long ago, in an installation that counts for as long."""
    Scope.objects.bulk_create(Scope(name=name, words=name) for name in ("a:read", "a:write", "b:read"))
    other, _ = issue(name="Other")
    record(other, FIRST - timedelta(days=60))
    return aged(issue(scopes=["a:read", "a:write", "b:read"])[0], 100)


def aged(token: Token, days: int) -> Token:
    Token.objects.filter(pk=token.pk).update(created_at=NOW - timedelta(days=days))
    token.refresh_from_db()
    return token


def record(token: Token, at: datetime = NOW, times: int = 1, address: str = "192.0.2.1", **facts: object) -> None:
    for _ in range(times):
        recorder.record(a_call(token, at, address, **facts))
    recorder.flush()


def test_sums_of_thirty_days_in_utc(token: Token) -> None:
    record(token, FIRST - timedelta(seconds=1), times=50)
    record(token, FIRST, times=2)
    record(token, NOW - timedelta(days=3), times=4, denial=REFUSED)
    record(token, NOW, status=500)
    with timezone.override("Pacific/Kiritimati"):  # tomorrow there
        chart = Report(token).chart
    assert (chart.requests, chart.answered, chart.refused) == (7, 3, 4)
    assert len(chart.bars) == 30
    assert [bar for bar in chart.bars if bar.requests] == [
        ("26 Oct", 2, 0),
        ("21 Nov", 4, 4),
        ("24 Nov", 1, 0),
    ]
    assert (chart.bars[0].label, chart.bars[-1].label) == ("26 Oct", "24 Nov")
    assert chart.title == "7 requests in 30 days, 4 refused; most on 21 Nov: 4"


def test_the_last_hours_where_the_person_is(token: Token) -> None:
    first = NOW.replace(minute=0) - 47 * HOUR
    record(token, first - timedelta(seconds=1), times=9)
    record(token, first, times=2, denial=REFUSED)
    record(token, NOW)
    with timezone.override("Europe/Berlin"):
        report = Report(token, "hour")
        bars = [bar for bar in report.chart.bars if bar.requests]
    assert bars == [("22 Nov, 14:00 CET", 2, 2), ("24 Nov, 13:00 CET", 1, 0)]
    assert (len(report.chart.bars), report.chart.span) == (48, "48 hours")
    assert [(link.query, link.current) for link in report.periods] == [("?", False), ("?by=hour", True)]


@pytest.mark.parametrize("by", ["", "day", "hours", "\0"])
def test_other_periods_are_the_days(token: Token, by: str) -> None:
    assert Report(token, by).chart.span == "30 days"


def test_callers_busiest_first(token: Token) -> None:
    record(token, FIRST - timedelta(days=1), times=99, address="192.0.2.9")
    record(token, times=3, address="192.0.2.7")
    record(token, NOW - timedelta(days=2), times=2, address="192.0.2.7", denial=REFUSED)
    record(token, NOW - HOUR, times=4, address="192.0.2.8", agent="")
    record(token, address="", agent="curl/8")
    record(token, address="", agent="")
    shown, others = Report(token).callers
    assert others == 0
    assert [(caller.words, caller.requests, caller.refused, caller.last_at) for caller in shown] == [
        ("192.0.2.7 (<bdi>curl</bdi>)", 5, 2, NOW),
        ("192.0.2.8", 4, 0, NOW - HOUR),
        ("callers not told apart", 1, 0, NOW),
        ("an unknown address (<bdi>curl</bdi>)", 1, 0, NOW),
    ]


def test_a_caller_is_one_however_many_days_and_statuses(token: Token) -> None:
    for status in (200, 302, 404, 500):
        for days in (0, 1, 29):
            record(token, NOW - timedelta(days=days), status=status)
    shown, _ = Report(token).callers
    assert [caller.requests for caller in shown] == [12]


def test_ten_callers_and_how_many_others(token: Token) -> None:
    for n in range(MOST_CALLERS + 5):
        record(token, times=n + 1, address=f"192.0.2.{n}")
    shown, others = Report(token).callers
    assert ([caller.requests for caller in shown], others) == ([*range(15, 5, -1)], 5)


def test_what_a_program_calls_itself_is_escaped(token: Token) -> None:
    record(token, agent="<b>/1")
    assert Report(token).callers.shown[0].words == "192.0.2.1 (<bdi>&lt;b&gt;</bdi>)"


def test_latest_and_refused(token: Token) -> None:
    record(token, NOW - HOUR, denial=REFUSED, path="/api/v1/reports")
    for minutes in range(55):
        record(token, NOW - timedelta(minutes=minutes))
    record(token, NOW - 2 * HOUR, status=404, code="not_found", reference="f" * 16)
    report = Report(token)
    assert len(report.latest) == 50
    assert [call.at for call in report.latest] == [NOW - timedelta(minutes=minutes) for minutes in range(50)]
    (refused,) = report.refused
    assert (refused.at, refused.code, refused.reference, refused.path, refused.status) == (
        NOW - HOUR, "address_not_allowed", REFUSED.reference, "/api/v1/reports", 403,
    )  # fmt: skip


def test_scopes_that_were_asked_for(token: Token) -> None:
    record(token, times=3, scopes=("a:read",))
    record(token, scopes=("b:read", "c:read"), denial=denial.insufficient_scope(["b:read", "c:read"], ["b:read"]))
    record(token, FIRST - timedelta(seconds=1), scopes=("a:write",))
    report = Report(token)
    assert report.used == {"a:read": 3, "b:read": 1}  # refused or not, somebody wanted it
    assert report.unused == ["a:write"]
    record(token, FIRST, scopes=("a:write",))
    assert Report(token).unused == []


def test_what_its_predecessor_was_asked_for_counts(token: Token) -> None:
    """A program that renews its token asks for tokens:renew with the old one alone."""
    record(token, scopes=("a:write",))
    successor, _ = Token.objects.renew(token, expires_at=NOW + timedelta(days=30), overlap=timedelta(days=1))
    record(successor, scopes=("a:read",))
    assert (Report(successor).used, Report(successor).unused) == ({"a:read": 1, "a:write": 1}, ["b:read"])
    assert Report(successor).suggests_narrowing
    token.refresh_from_db()
    assert not Report(token).suggests_narrowing  # its days are numbered


def test_since_when_it_is_counted(token: Token) -> None:
    report = Report(token)
    assert (report.since, report.is_whole, report.span) == (FIRST.date(), True, "in 30 days")
    report = Report(aged(token, 3))
    assert (str(report.since), report.is_whole, report.span) == ("2026-11-21", False, "since 21 Nov 2026")


def test_an_older_token_in_an_installation_that_counts_only_now(issue: Issue) -> None:
    other, token = issue(name="Other")[0], aged(issue()[0], 100)
    assert str(Report(token).since) == "2026-11-24"  # nothing is known
    record(other, NOW - timedelta(days=5))
    assert str(Report(token).since) == "2026-11-19"


@pytest.mark.parametrize(
    ("ended", "word"),
    [
        ({"revoked_at": NOW - HOUR}, "revoked"),
        ({"expires_at": NOW - HOUR}, "expired"),
        ({"renewed_at": NOW - 25 * HOUR}, "replaced"),
    ],
)
def test_who_still_uses_it(token: Token, ended: dict[str, datetime], word: str) -> None:
    Token.objects.filter(pk=token.pk).update(**ended)
    token.refresh_from_db()
    refused = None if word == "replaced" else denial.of_proven_token(f"{word}_token", NOW, NOW, None)
    record(token, NOW - 13 * HOUR, times=7, address="192.0.2.3", denial=refused)  # yesterday
    record(token, NOW - 2 * HOUR, times=7, address="192.0.2.3")
    if word != "replaced":
        assert Report(token).still_used is None
    record(token, times=2, address="203.0.113.9", denial=refused)
    record(token, times=1, address="203.0.113.8", denial=refused)
    used = Report(token).still_used
    assert used is not None
    callers = [(caller.address, caller.requests) for caller in used.callers.shown]
    if word == "replaced":
        assert (used.word, used.requests) == (word, 10)
        assert callers == [("192.0.2.3", 7), ("203.0.113.9", 2), ("203.0.113.8", 1)]
    else:
        assert (used.word, used.requests, callers) == (word, 3, [("203.0.113.9", 2), ("203.0.113.8", 1)])


def test_on_the_day_of_its_renewal_older_requests_are_not_taken_for_newer_ones(token: Token) -> None:
    Token.objects.filter(pk=token.pk).update(renewed_at=NOW - HOUR)
    token.refresh_from_db()
    record(token, NOW - 2 * HOUR, times=7)
    assert Report(token).still_used is None
    record(token)
    used = Report(token).still_used
    assert used is not None
    assert ([caller.address for caller in used.callers.shown], used.requests) == (["192.0.2.1"], None)


@pytest.mark.parametrize("word", ["revoked", "expired"])
def test_on_the_day_of_its_end_what_was_refused_before_is_not_counted(token: Token, word: str) -> None:
    Token.objects.filter(pk=token.pk).update(**{"revoked_at" if word == "revoked" else "expires_at": NOW - HOUR})
    token.refresh_from_db()
    record(token, NOW - 2 * HOUR, times=7, denial=denial.insufficient_scope(["a:admin"], []))
    record(token, denial=denial.of_proven_token(f"{word}_token", NOW, NOW, None))
    used = Report(token).still_used
    assert used is not None
    assert (used.word, used.requests) == (word, 1)


def test_no_number_where_more_came_than_are_kept(token: Token, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "KEPT_REFUSED", 3)
    token.revoke()
    record(token, NOW + HOUR, times=3, denial=denial.of_proven_token("revoked_token", NOW, NOW, None))
    used = Report(token).still_used
    assert used is not None
    assert used.requests is None


def test_many_who_still_use_it(token: Token) -> None:
    token.revoke()
    refused = denial.of_proven_token("revoked_token", NOW, NOW, None)
    for n in range(5):
        record(token, NOW + HOUR, address=f"192.0.2.{n}", denial=refused)
    used = Report(token).still_used
    assert used is not None
    assert (len(used.callers.shown), used.callers.others, used.requests) == (3, 2, 5)


def test_a_token_that_works_has_nobody_who_still_uses_it(token: Token) -> None:
    record(token)
    assert Report(token).still_used is None


@pytest.mark.parametrize("by", ["", "hour"])
def test_as_many_queries_for_much_as_for_nothing(
    token: Token, by: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for much in (False, True):
        if much:
            for n in range(30):
                record(token, NOW - timedelta(days=n), times=5, address=f"192.0.2.{n}", denial=REFUSED)
        report = Report(token, by)
        with django_assert_num_queries(6):  # the chart, callers, latest, refused, scopes, since when
            _ = (report.chart, report.callers, report.latest, report.refused, report.asked, report.since)
