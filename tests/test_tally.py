"""Counts are exact whatever happens to details; memory and tables stay bounded; nodes add up."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Sum
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Issue, a_call
from tokens import denial, tally
from tokens.models import DayCount, HourCount, RecentRequest, Scope, ScopeCount, Token
from tokens.models import usage as tables
from tokens.tally import TOGETHER, Key, Known, Sums, Tally
from tokens.usage import Recorder

NOW = datetime(2026, 11, 22, 23, 59, tzinfo=UTC)
LACKS = denial.insufficient_scope(["reports:write"], [])


def counted(model: Any, **by: Any) -> tuple[int, int]:
    """Requests, and those of them refused."""
    sums = model.objects.filter(**by).aggregate(Sum("requests", default=0), Sum("refused", default=0))
    return sums["requests__sum"], sums["refused__sum"]


def record(recorder: Recorder, *calls: Any) -> None:
    for call in calls:
        recorder.record(call)


def test_what_is_counted_where(issue: Issue) -> None:
    token, _ = issue()
    recorder = Recorder()
    record(
        recorder,
        a_call(token, NOW, scopes=("reports:read", "reports:write")),
        a_call(token, NOW, status=404, code="not_found", reference="0" * 16),
        a_call(token, NOW + timedelta(minutes=1), address="192.0.2.9", agent="python-requests/2.32"),
        a_call(token, NOW, denial=LACKS, scopes=("reports:write",)),
        a_call(token, NOW, denial=denial.address_not_allowed("192.0.2.1"), scopes=("reports:read",)),
        a_call(),
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
    hours = HourCount.objects.order_by("hour", "status_class").values_list("hour", "status_class", "requests")
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


def test_last_use_is_no_refusal(issue: Issue) -> None:
    token, _ = issue()
    recorder = Recorder()
    record(recorder, a_call(token, NOW, denial=LACKS))
    recorder.flush()
    token.refresh_from_db()
    assert token.last_used_at is None


def test_nodes_add_up(issue: Issue) -> None:
    token, _ = issue()
    first, second = Recorder(), Recorder()
    record(first, a_call(token, NOW), a_call(token, NOW))
    record(second, a_call(token, NOW - timedelta(seconds=9)))
    first.flush()
    second.flush()
    row = DayCount.objects.get()
    assert (row.requests, row.last_at) == (3, NOW)


def test_a_deleted_token_stops_no_other(issue: Issue) -> None:
    gone, _ = issue()
    stays, _ = issue()
    recorder = Recorder()
    record(recorder, a_call(Token(pk=gone.pk), address=""), a_call(stays))
    Token.objects.filter(pk=gone.pk).delete()
    recorder.flush()
    assert list(DayCount.objects.values_list("token", flat=True)) == [stays.pk]
    assert RecentRequest.objects.get().token_id == stays.pk


def test_a_flood_is_counted_and_its_details_bounded(
    issue: Issue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tally, "MOST_DETAILS", 70)
    monkeypatch.setattr("tokens.usage.MOST_WAITING", 100)
    tokens = [issue()[0] for _ in range(3)]
    recorder = Recorder()
    for number in range(600):
        record(recorder, a_call(tokens[number % 3], NOW + timedelta(milliseconds=number)))
        assert len(recorder._calls) < 100
    recorder.flush()
    assert counted(DayCount) == (600, 0)
    assert RecentRequest.objects.count() == 70
    assert f"{600 - 70} requests are counted without details" in caplog.text


def test_the_latest_are_kept(issue: Issue) -> None:
    token, _ = issue()
    recorder = Recorder()
    record(recorder, *(a_call(token, NOW + timedelta(seconds=second)) for second in range(60)))
    recorder.flush()
    kept = RecentRequest.objects.values_list("at", flat=True)
    assert (kept[0], len(kept)) == (NOW + timedelta(seconds=59), 50)


def test_answers_do_not_drive_out_refusals(issue: Issue) -> None:
    token, _ = issue()
    recorder = Recorder()
    refused = a_call(token, NOW, denial=LACKS)
    record(recorder, refused, *(a_call(token, NOW + timedelta(seconds=second)) for second in range(60)))
    recorder.flush()
    assert RecentRequest.objects.get(refused=True).reference == refused.reference
    assert RecentRequest.objects.count() == 51


def test_a_busy_token_takes_no_more_room(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "KEPT_ANSWERED", 60)
    monkeypatch.setattr(tables, "KEPT_REFUSED", 3)
    monkeypatch.setattr("tokens.usage.TRIM_AFTER", 50)  # each flush
    busy, _ = issue()
    calm, _ = issue()
    recorder = Recorder()
    record(recorder, a_call(calm, NOW - timedelta(days=1)))
    for number in range(6):
        refused = a_call(busy, NOW + timedelta(minutes=number, seconds=59), denial=LACKS)
        record(recorder, *(a_call(busy, NOW + timedelta(minutes=number, seconds=s)) for s in range(49)), refused)
        recorder.flush()
    assert RecentRequest.objects.filter(token=busy, refused=False).count() == 60
    assert RecentRequest.objects.filter(token=busy, refused=True).count() == 3
    assert RecentRequest.objects.filter(token=calm).count() == 1
    assert counted(DayCount, token=busy) == (300, 6)


def test_callers_are_told_apart_up_to_a_number_each_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "MOST_CALLERS", 2)
    known = Known()

    def named(address: str, at: datetime = NOW, pk: int = 1) -> tuple[str, str]:
        key = known.key(a_call(at=at, address=address), pk)
        return key.address, key.family

    assert [named("10.0.0.1"), named("10.0.0.2")] == [("10.0.0.1", "curl"), ("10.0.0.2", "curl")]
    assert named("10.0.0.3") == TOGETHER
    assert named("10.0.0.1") == ("10.0.0.1", "curl")
    assert named("10.0.0.3", pk=2) == ("10.0.0.3", "curl")
    assert named("10.0.0.3", NOW + timedelta(days=1)) == ("10.0.0.3", "curl")


def test_scopes_that_are_asked_for_are_bounded_too(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway asks for whatever it is told to."""
    monkeypatch.setattr(tally, "MOST_SCOPES", 3)
    token, _ = issue()
    recorder = Recorder()
    asked = tuple(f"made:up{number}" for number in range(50))
    record(recorder, a_call(token, NOW, scopes=asked, denial=LACKS), a_call(token, NOW, scopes=("a:" + "b" * 300,)))
    recorder.flush()
    assert list(ScopeCount.objects.order_by("pk").values_list("scope", flat=True)) == list(asked[:3])
    assert counted(DayCount) == (2, 1)


def test_its_own_scopes_are_always_told_apart_and_each_counts_once(
    issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a client has a gateway ask for, the owner learns which of them are used."""
    monkeypatch.setattr(tally, "MOST_SCOPES", 1)
    Scope.objects.create(name="reports:read")
    token, _ = issue(scopes=["reports:read"])
    recorder = Recorder()
    record(recorder, a_call(token, NOW, scopes=("made:up0", "made:up1", "reports:read", "reports:read")))
    recorder.flush()
    rows = ScopeCount.objects.order_by("scope").values_list("scope", "requests")
    assert list(rows) == [("made:up0", 1), ("reports:read", 1)]


CALLS = st.tuples(
    st.integers(1, 3),
    st.integers(0, 2 * 86_400).map(lambda second: NOW + timedelta(seconds=second)),
    st.sampled_from([200, 204, 301, 404, 503]),
    st.sampled_from([(), ("a:read",), ("a:read", "b:write")]),
    st.booleans(),
)


@given(st.lists(CALLS, max_size=60), st.integers(0, 60))
@settings(max_examples=60)
def test_nothing_is_lost_on_the_way(made: list[Any], cut: int) -> None:
    """However calls are split between flushes, each table has each of them."""
    calls = [
        (pk, a_call(at=at, status=status, scopes=scopes, denial=LACKS if no else None))
        for pk, at, status, scopes, no in made
    ]
    earlier, later, known = Tally(), Tally(), Known()
    for number, (pk, call) in enumerate(calls):
        (earlier if number < cut else later).add(call, known.key(call, pk))
    earlier.absorb(later)
    for model, keys in tally.TABLES.items():
        rows = Sums()
        for key, sums in earlier.counts.items():
            for each in keys(Key(*key)):
                rows.add(each, *sums)
        each_call = [call for _, call in calls for _ in (call.scopes if model is ScopeCount else [0])]
        assert sum(requests for requests, _, _ in rows.values()) == len(each_call)
        assert sum(refused for _, refused, _ in rows.values()) == sum(call.denial is not None for call in each_call)
    assert earlier.details + earlier.dropped == len(calls)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("curl/8.5", "curl"),
        ("python-requests/2.32.3", "python-requests"),
        ("Go-http-client/1.1", "Go-http-client"),
        ("my tool", "my"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", "Firefox"),
        ("Mozilla/5.0 (X11) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0", "Edge"),
        ("Mozilla/5.0 (compatible; tkn_live_4mQ7wXb2ZpT9c1K" + "s" * 49 + "bot/1.0)", "Browser"),
        ("Mozilla/5.0", "Browser"),
        ("", ""),
        ("\x1b[31mred", "[31mred"),
        ("x" * 300, "x" * 40),
        ("tkn_live_4mQ7wXb2ZpT9c1K" + "s" * 49, "tkn_live_4mQ7wXb2ZpT9c1K•••"),
    ],
)
def test_families(agent: str, name: str) -> None:
    assert a_call(agent=agent).family == name
