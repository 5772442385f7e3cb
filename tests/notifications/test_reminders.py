"""Which reminder of its expiry a token is due."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokens.notifications.reminders import (
    DAYS_BEFORE_EXPIRY,
    Reminder,
    days_left,
    due_reminder,
    is_unused,
)

EXPIRY = datetime(2027, 3, 1, 12, tzinfo=UTC)
MONTH, WEEK, DAY, EXPIRED = Reminder.MONTH, Reminder.WEEK, Reminder.DAY, Reminder.EXPIRED


@dataclass(frozen=True)
class Token:
    created_at: datetime
    expires_at: datetime
    renewed_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


def lived(days: float) -> Token:
    """Return a token with a lifetime of `days`."""
    return Token(EXPIRY - timedelta(days), EXPIRY)


YEAR = lived(365)


@pytest.mark.parametrize(
    ("lifetime", "before", "reminder"),
    [
        (365, timedelta(31), None),
        (365, timedelta(30), MONTH),
        (365, timedelta(30, hours=12), MONTH),  # the day has begun
        (365, timedelta(30, hours=12, seconds=1), None),
        (365, timedelta(8), MONTH),
        (365, timedelta(7), WEEK),
        (365, timedelta(2), WEEK),
        (365, timedelta(1), DAY),
        (365, timedelta(0, 1), DAY),
        (365, timedelta(0), EXPIRED),  # the instant of expiry is expired
        (365, timedelta(-29), EXPIRED),
        (365, timedelta(-30), None),
        (60, timedelta(30), MONTH),
        (59, timedelta(30), None),
        (30, timedelta(30), None),
        (30, timedelta(8), None),
        (30, timedelta(7), WEEK),
        (13, timedelta(7), None),
        (13, timedelta(1), DAY),
        (1, timedelta(1), None),
        (1, timedelta(0), EXPIRED),
    ],
)
def test_due(lifetime: float, before: timedelta, reminder: Reminder | None) -> None:
    assert due_reminder(lived(lifetime), EXPIRY - before) == reminder


@pytest.mark.parametrize("over", ["renewed_at", "revoked_at"])
@pytest.mark.parametrize("days", [-30, -7, -1, 0, 1])
def test_renewed_and_revoked_tokens_have_no_reminder(over: str, days: int) -> None:
    assert (
        due_reminder(replace(YEAR, **{over: EXPIRY - timedelta(40)}), EXPIRY + timedelta(days))
        is None
    )


@pytest.mark.parametrize(
    ("used", "created", "unused"),
    [(60, 365, True), (59, 365, False), (None, 60, True), (None, 59, False)],
)
def test_unused(used: int | None, created: int, unused: bool) -> None:
    token = Token(
        EXPIRY - timedelta(created),
        EXPIRY,
        last_used_at=EXPIRY - timedelta(used) if used else None,
    )
    assert is_unused(token, EXPIRY) == unused


instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.timezones())  # noqa: DTZ001
lifetimes = st.timedeltas(timedelta(minutes=1), timedelta(4 * 366))
distances = st.timedeltas(timedelta(-60), timedelta(60))


@given(instants, lifetimes, distances, st.timezones())
def test_zones_do_not_matter(
    expires: datetime, lifetime: timedelta, distance: timedelta, zone: ZoneInfo
) -> None:
    expires = expires.astimezone(UTC)
    token, now = Token(expires - lifetime, expires), expires - distance
    elsewhere = Token(token.created_at.astimezone(zone), expires.astimezone(zone))
    assert due_reminder(elsewhere, now.astimezone(zone)) == due_reminder(token, now)


@given(instants, lifetimes, distances)
def test_a_due_reminder_fits_the_time_left_and_the_lifetime(
    expires: datetime, lifetime: timedelta, distance: timedelta
) -> None:
    expires = expires.astimezone(UTC)
    token, now = Token(expires - lifetime, expires), expires - distance
    reminder = due_reminder(token, now)
    if reminder == EXPIRED:
        assert now >= expires
    elif reminder:
        assert now < expires
        assert days_left(expires, now) <= DAYS_BEFORE_EXPIRY[reminder]
        assert timedelta(DAYS_BEFORE_EXPIRY[reminder]) <= lifetime / 2
    elif now < expires:
        assert days_left(expires, now) > 30 or lifetime < 2 * timedelta(30)


@given(instants, lifetimes, st.integers(0, 23))
def test_daily_runs_find_each_reminder_in_order_at_any_hour(
    expires: datetime, lifetime: timedelta, hour: int
) -> None:
    expires = expires.astimezone(UTC)
    token = Token(expires - lifetime, expires)
    start = (expires - timedelta(40)).replace(hour=hour, minute=0, second=0, microsecond=0)
    met = [due_reminder(token, start + timedelta(day)) for day in range(60)]
    order = [
        reminder
        for reminder, earlier in zip(met, [None, *met], strict=False)
        if reminder not in {earlier, None}
    ]
    made_for = [
        reminder
        for reminder in (MONTH, WEEK, DAY)
        if 2 * timedelta(DAYS_BEFORE_EXPIRY[reminder]) <= lifetime
    ]
    assert order == [*made_for, EXPIRED]
