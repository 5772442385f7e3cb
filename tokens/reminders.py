"""Which reminder of its expiry a token is due. Pure: plain facts in, the newest reminder whose day has come out."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol


class Reminder(StrEnum):
    """The reminders of a token, each sent once."""

    MONTH = "expires_30"
    WEEK = "expires_7"
    DAY = "expires_1"
    EXPIRED = "expired"


DAYS = {Reminder.DAY: 1, Reminder.WEEK: 7, Reminder.MONTH: 30}  # before expiry; the newest first
LATEST = timedelta(days=30)  # after this, nobody needs to hear that a token expired
UNUSED = timedelta(days=60)


class Facts(Protocol):
    """What the decision needs to know of a token."""

    @property
    def created_at(self) -> datetime: ...
    @property
    def expires_at(self) -> datetime: ...
    @property
    def renewed_at(self) -> datetime | None: ...
    @property
    def revoked_at(self) -> datetime | None: ...
    @property
    def last_used_at(self) -> datetime | None: ...


def due(token: Facts, now: datetime) -> Reminder | None:
    """The newest reminder whose day has come: one that was sent before says that there is nothing to send.

    Days are days of the calendar, in UTC, so that it does not matter at which hour reminders are sent. Those before
    expiry lie in the second half of the token's lifetime. A renewed or revoked token has none, and one that is over
    since LATEST none any more.
    """
    if token.revoked_at or token.renewed_at or token.expires_at <= now - LATEST:
        return None
    if token.expires_at <= now:
        return Reminder.EXPIRED
    left = days_left(token.expires_at, now)
    lifetime = token.expires_at - token.created_at
    return next((reminder for reminder, days in DAYS.items() if left <= days and 2 * timedelta(days) <= lifetime), None)


def days_left(expires_at: datetime, now: datetime) -> int:
    """Days of the calendar, in UTC, from the one of `now` to the one of expiry."""
    return (expires_at.astimezone(UTC).date() - now.astimezone(UTC).date()).days


def is_unused(token: Facts, now: datetime) -> bool:
    """Whether nobody called with it for UNUSED, or never since it was made so long ago."""
    return (token.last_used_at or token.created_at) <= now - UNUSED
