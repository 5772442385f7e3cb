"""The rules for reminders that a token expires: which reminder is due. No database is used."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol


class Reminder(StrEnum):
    """The reminders before and after a token expires. Each is sent once for each token."""

    MONTH = "expires_30"
    WEEK = "expires_7"
    DAY = "expires_1"
    EXPIRED = "expired"


# How many days before the expiry each reminder is due. The last reminder stands first.
DAYS_BEFORE_EXPIRY = {Reminder.DAY: 1, Reminder.WEEK: 7, Reminder.MONTH: 30}
MAX_EXPIRED_AGE = timedelta(days=30)  # no reminder of a token that expired longer ago
REMIND_UNUSED_AFTER = timedelta(days=60)


class ReminderFacts(Protocol):
    """The facts about a token from which its reminders follow. The model Token has them."""

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


def due_reminder(token: ReminderFacts, now: datetime) -> Reminder | None:
    """Return the latest reminder whose day has come, even if it was sent before, or None.

    There is no reminder for a token that was renewed or revoked, or that expired more than
    MAX_EXPIRED_AGE ago. Days are calendar days in UTC, so the hour of the daily command does not
    matter. A reminder that would come in the first half of the token's lifetime is left out.
    """
    if token.revoked_at or token.renewed_at or token.expires_at <= now - MAX_EXPIRED_AGE:
        return None
    if token.expires_at <= now:
        return Reminder.EXPIRED
    left = days_left(token.expires_at, now)
    lifetime = token.expires_at - token.created_at
    for reminder, days in DAYS_BEFORE_EXPIRY.items():
        if left <= days and 2 * timedelta(days) <= lifetime:
            return reminder
    return None


def days_left(expires_at: datetime, now: datetime) -> int:
    """Return the number of calendar days in UTC from the day of `now` to the day of expiry."""
    return (expires_at.astimezone(UTC).date() - now.astimezone(UTC).date()).days


def is_unused(token: ReminderFacts, now: datetime) -> bool:
    """Return True if the token was not used for REMIND_UNUSED_AFTER.

    For a token that was never used, this time counts from its creation.
    """
    return (token.last_used_at or token.created_at) <= now - REMIND_UNUSED_AFTER
