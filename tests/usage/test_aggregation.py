"""Counts are exact even when details are dropped. Memory and tables stay bounded. Nodes add up."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Sum

from tests.conftest import Issue
from tests.records import a_record
from tokens.models import (
    DayCount,
    HourCount,
    RecentRequest,
    RequirementCount,
    ScopeCount,
    Token,
)
from tokens.models import usage as tables
from tokens.problems import problem
from tokens.usage import aggregation
from tokens.usage.recorder import Recorder

NOW = datetime(2026, 11, 22, 23, 59, tzinfo=UTC)
LACKS = problem.insufficient_scope(["reports:write"], [])


def counted(model: Any, **by: Any) -> tuple[int, int]:
    """Return the number of requests, and how many of them were refused."""
    sums = model.objects.filter(**by).aggregate(
        Sum("requests", default=0), Sum("refused", default=0)
    )
    return sums["requests__sum"], sums["refused__sum"]


def record(recorder: Recorder, *records: Any) -> None:
    for each in records:
        recorder.record(each)


def test_rows_of_each_table(issue: Issue) -> None:
    token, _ = issue()
    recorder = Recorder()
    record(
        recorder,
        a_record(token, NOW, scopes=("reports:write", "reports:read")),
        a_record(token, NOW, status=404, code="not_found", reference="0" * 16),
        a_record(
            token, NOW + timedelta(minutes=1), address="192.0.2.9", agent="python-requests/2.32"
        ),
        a_record(token, NOW, problem=LACKS, scopes=("reports:write",)),
        a_record(
            token, NOW, problem=problem.address_not_allowed("192.0.2.1"), scopes=("reports:read",)
        ),
        a_record(),
    )
    recorder.flush()
    saturday = date(2026, 11, 22)
    days = DayCount.objects.order_by("day", "status_class").values_list(
        "day", "address", "family", "status_class", "requests", "refused"
    )
    assert list(days) == [
        (saturday, "192.0.2.1", "curl", 2, 1, 0),
        (saturday, "192.0.2.1", "curl", 4, 3, 2),
        (saturday + timedelta(days=1), "192.0.2.9", "python-requests", 2, 1, 0),
    ]
    hours = HourCount.objects.order_by("hour", "status_class").values_list(
        "hour", "status_class", "requests"
    )
    assert list(hours) == [
        (NOW.replace(minute=0), 2, 1),
        (NOW.replace(minute=0), 4, 3),
        (NOW.replace(minute=0) + timedelta(hours=1), 2, 1),
    ]
    scopes = ScopeCount.objects.order_by("scope").values_list("scope", "requests", "refused")
    assert list(scopes) == [("reports:read", 1, 0), ("reports:write", 2, 1)]
    latest = RecentRequest.objects.filter(refused=True).values_list("code", "reference", "status")
    assert ("insufficient_scope", LACKS.reference, 403) in latest
    assert len(latest) == 2
    assert RecentRequest.objects.get(code="not_found").refused is False


def test_rows_of_requirements(issue: Issue) -> None:
    """By day and caller. A refused request tells too what the endpoint required."""
    token, _ = issue()
    recorder = Recorder()
    record(
        recorder,
        *(a_record(token, NOW, scopes=scopes) for scopes in [("b:x", "a:x"), ("a:x", "b:x")]),
        a_record(token, NOW, scopes=("a:x",), environment="live", problem=LACKS),
        a_record(token, NOW, address="", agent=""),
        a_record(token, NOW + timedelta(minutes=1)),
    )
    recorder.flush()
    day, rows = NOW.date(), RequirementCount.objects.order_by("day", "address", "scopes")
    assert list(
        rows.values_list(
            "day", "address", "family", "scopes", "environment", "requests", "refused", "last_at"
        )
    ) == [
        (day, "", "", "", "", 1, 0, NOW),
        (day, "192.0.2.1", "curl", "a:x", "live", 1, 1, NOW),
        (day, "192.0.2.1", "curl", "a:x b:x", "", 2, 0, NOW),
        (day + timedelta(days=1), "192.0.2.1", "curl", "", "", 1, 0, NOW + timedelta(minutes=1)),
    ]


def test_a_refused_request_is_no_last_use(issue: Issue) -> None:
    token, _ = issue()
    recorder = Recorder()
    record(recorder, a_record(token, NOW, problem=LACKS))
    recorder.flush()
    token.refresh_from_db()
    assert token.last_used_at is None


def test_nodes_add_up(issue: Issue) -> None:
    token, _ = issue()
    first, second = Recorder(), Recorder()
    record(first, a_record(token, NOW), a_record(token, NOW))
    record(second, a_record(token, NOW - timedelta(seconds=9)))
    first.flush()
    second.flush()
    row = DayCount.objects.get()
    assert (row.requests, row.last_at) == (3, NOW)


def test_a_deleted_token_stops_no_other(issue: Issue) -> None:
    gone, _ = issue()
    stays, _ = issue()
    recorder = Recorder()
    record(recorder, a_record(Token(pk=gone.pk), address=""), a_record(stays))
    Token.objects.filter(pk=gone.pk).delete()
    recorder.flush()
    assert list(DayCount.objects.values_list("token", flat=True)) == [stays.pk]
    assert RecentRequest.objects.get().token_id == stays.pk


def test_a_flood_is_counted_and_its_details_are_bounded(
    issue: Issue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(aggregation, "MAX_DETAILS", 25)
    monkeypatch.setattr("tokens.usage.recorder.MAX_WAITING_RECORDS", 100)
    caplog.set_level("DEBUG", "tokens.usage.recorder")
    tokens = [issue()[0] for _ in range(3)]
    recorder = Recorder()
    for number in range(600):
        record(recorder, a_record(tokens[number % 3], NOW + timedelta(milliseconds=number)))
        assert len(recorder._records) < 100
    recorder.flush()
    assert counted(DayCount) == (600, 0)
    assert RecentRequest.objects.count() == 25
    assert f"{600 - 25} requests are counted without details" in caplog.text


def test_the_latest_are_kept(issue: Issue) -> None:
    token, _ = issue()
    recorder = Recorder()
    record(recorder, *(a_record(token, NOW + timedelta(seconds=second)) for second in range(60)))
    recorder.flush()
    kept = RecentRequest.objects.values_list("at", flat=True)
    assert list(kept) == [NOW + timedelta(seconds=second) for second in range(59, 9, -1)]


def test_answered_requests_do_not_push_out_refused_ones(issue: Issue) -> None:
    token, _ = issue()
    recorder = Recorder()
    refused = a_record(token, NOW, problem=LACKS)
    record(
        recorder,
        refused,
        *(a_record(token, NOW + timedelta(seconds=second)) for second in range(60)),
    )
    recorder.flush()
    assert RecentRequest.objects.get(refused=True).reference == refused.reference
    assert RecentRequest.objects.count() == 51


def test_a_busy_token_takes_no_more_room(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "KEPT_ANSWERED", 60)
    monkeypatch.setattr(tables, "KEPT_REFUSED", 3)
    monkeypatch.setattr("tokens.usage.recorder.TRIM_AFTER", 50)  # each flush
    monkeypatch.setattr(aggregation, "MAX_DETAILS_PER_TOKEN", 49)
    busy, _ = issue()
    calm, _ = issue()
    recorder = Recorder()
    record(recorder, a_record(calm, NOW - timedelta(days=1)))
    for number in range(6):
        refused = a_record(busy, NOW + timedelta(minutes=number, seconds=59), problem=LACKS)
        record(
            recorder,
            *(a_record(busy, NOW + timedelta(minutes=number, seconds=s)) for s in range(49)),
            refused,
        )
        recorder.flush()
    assert RecentRequest.objects.filter(token=busy, refused=False).count() == 60
    assert RecentRequest.objects.filter(token=busy, refused=True).count() == 3
    assert RecentRequest.objects.filter(token=calm).count() == 1
    assert counted(DayCount, token=busy) == (300, 6)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("curl/8.5", "curl"),
        ("python-requests/2.32.3", "python-requests"),
        ("Go-http-client/1.1", "Go-http-client"),
        ("my tool", "my"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", "Firefox"),
        ("Mozilla/5.0 (X11) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0", "Edge"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Browser"),
        ("Mozilla/5.0 (compatible; tkn_live_4mQ7wXb2ZpT9c1K" + "s" * 49 + "bot/1.0)", "Browser"),
        ("Mozilla/5.0", "Browser"),
        ("", ""),
        ("\x1b[31mred", "[31mred"),
        ("x" * 300, "x" * 40),
        ("tkn_live_4mQ7wXb2ZpT9c1K" + "s" * 49, "tkn_live_4mQ7wXb2ZpT9c1K•••"),
    ],
)
def test_families(agent: str, name: str) -> None:
    assert a_record(agent=agent).family == name
