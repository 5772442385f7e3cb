"""Calendar arithmetic of expiration."""

from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokens.core.lifetimes import DEFAULT_LIFETIME, LIFETIMES, allowed_lifetimes


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "key", "end"),
    [
        ("2026-11-22T16:00", "30d", "2026-12-22T16:00"),
        ("2026-11-22T16:00", "90d", "2027-02-20T16:00"),
        ("2026-11-22T16:00", "6m", "2027-05-22T16:00"),
        ("2026-11-22T16:00", "1y", "2027-11-22T16:00"),
        ("2026-11-22T16:00", "4y", "2030-11-22T16:00"),
        ("2026-08-31T09:30", "6m", "2027-02-28T09:30"),
        ("2027-08-31T09:30", "6m", "2028-02-29T09:30"),
        ("2028-02-29T00:00", "1y", "2029-02-28T00:00"),
        ("2028-02-29T00:00", "4y", "2032-02-29T00:00"),
        ("2096-02-29T00:00", "4y", "2100-02-28T00:00"),
        ("2026-12-31T23:59", "6m", "2027-06-30T23:59"),
    ],
)
def test_ends(start: str, key: str, end: str) -> None:
    assert LIFETIMES[key].end(at(start)) == at(end)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_any_start(start: datetime) -> None:
    start = start.astimezone(UTC)
    ends = [lifetime.end(start) for lifetime in LIFETIMES.values()]
    assert ends == sorted(set(ends))
    for end in ends:
        assert end.timetz() == start.timetz()
    assert ends[0] - start == timedelta(days=30)
    assert ends[2].day in {start.day, 28, 29, 30}


def test_the_five_choices() -> None:
    assert [lifetime.label for lifetime in LIFETIMES.values()] == [
        "30 days", "90 days", "6 months", "1 year", "No expiration (4 years)",
    ]  # fmt: skip
    assert DEFAULT_LIFETIME == "90d"


ANY_TIME = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.timezones())  # noqa: DTZ001


@given(ANY_TIME.map(lambda start: start.astimezone(UTC)))
def test_months_end_on_the_same_day_or_the_last(start: datetime) -> None:
    for key, months in (("6m", 6), ("1y", 12), ("4y", 48)):
        end = LIFETIMES[key].end(start)
        assert (end.year * 12 + end.month) - (start.year * 12 + start.month) == months
        last = (end + timedelta(days=1)).month != end.month
        assert end.day == start.day or (last and end.day < start.day)


@given(ANY_TIME, st.timezones())
def test_the_time_zone_of_whoever_asks_changes_nothing(start: datetime, zone: tzinfo) -> None:
    start = start.astimezone(UTC)
    for lifetime in LIFETIMES.values():
        shown = lifetime.end(start).astimezone(zone)
        assert shown.timestamp() == lifetime.end(start).timestamp()


@pytest.mark.parametrize(
    ("max_days", "keys"),
    [
        (None, ["30d", "90d", "6m", "1y", "4y"]),
        (5000, ["30d", "90d", "6m", "1y", "4y"]),
        (181, ["30d", "90d", "6m"]),  # 22 November to 22 May
        (180, ["30d", "90d"]),
        (90, ["30d", "90d"]),
        (89, ["30d"]),
        (7, ["7d"]),
        (1, ["1d"]),
    ],
)
def test_choices_up_to_the_maximum(max_days: int | None, keys: list[str]) -> None:
    assert list(allowed_lifetimes(max_days, at("2026-11-22T16:00"))) == keys


@given(ANY_TIME.map(lambda start: start.astimezone(UTC)), st.integers(1, 36_500))
def test_no_choice_is_longer_than_the_maximum(start: datetime, max_days: int) -> None:
    allowed = allowed_lifetimes(max_days, start)
    assert allowed
    for lifetime in allowed.values():
        assert lifetime.end(start) - start <= timedelta(days=max_days)
