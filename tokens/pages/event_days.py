"""The events of the Activity page, grouped by day.

Events that follow each other and differ only in their time are one entry, so that five wrong
passwords do not fill five lines.
"""

from collections.abc import Iterable
from datetime import date
from itertools import groupby
from typing import NamedTuple

from django.utils import timezone
from django.utils.formats import date_format

from tokens.models import AccountKind, Event
from tokens.pages.event_facts import EVENT_ICONS, facts_of

ALARMING_KINDS = {AccountKind.WRONG_PASSWORD, AccountKind.WRONG_CODE}


class DayEntry(NamedTuple):
    """One entry of a day: one event, or several that differ only in their time. Newest first."""

    events: list[Event]

    @property
    def event(self) -> Event:
        """Return the newest event of the entry."""
        return self.events[0]

    @property
    def icon(self) -> str:
        """Return the name of the entry's icon in Lucide, the icon set."""
        return EVENT_ICONS[self.event.kind]

    @property
    def is_alarming(self) -> bool:
        """Return True for a wrong password or a wrong code, because it may be an attack."""
        return self.event.kind in ALARMING_KINDS

    @property
    def details(self) -> list[str]:
        """Return the details of the event as separate texts."""
        return facts_of(self.event)


class Day(NamedTuple):
    """One day in the person's time zone, with its entries, newest first."""

    date: date
    entries: list[DayEntry]

    @property
    def title(self) -> str:
        """Return the heading, such as “Today”, “Yesterday” or “Monday 23 November”."""
        today = timezone.localdate()
        days_ago = (today - self.date).days
        if days_ago in {0, 1}:
            return "Yesterday" if days_ago else "Today"
        return date_format(self.date, "l j F" if self.date.year == today.year else "l j F Y")


def group_by_day(events: Iterable[Event]) -> list[Day]:
    """Return the days with events, each with its entries. `events` must be in order of time."""
    return [
        Day(day, [DayEntry(list(equal)) for _, equal in groupby(found, key=shown_without_time)])
        for day, found in groupby(events, key=lambda event: timezone.localdate(event.at))
    ]


def shown_without_time(event: Event) -> tuple[object, ...]:
    """Return all that the owner sees of an event, except the time. Equal results are one entry."""
    origin = (event.address, event.user_agent) if event.shows_origin else ()
    return event.kind, event.detail, event.identifier, event.token_name, event.who, *origin
