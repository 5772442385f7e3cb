"""A page of events by day, with equal events folded."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from tokens.models import AccountKind, Event
from tokens.models.event_types import EVENT_TYPES
from tokens.pages.event_days import group_by_day
from tokens.pages.event_facts import EVENT_ICONS

NOW = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def event(minutes: int, kind: str = AccountKind.WRONG_PASSWORD, **columns: object) -> Event:
    return Event(kind=kind, at=NOW - timedelta(minutes=minutes), owner_id=1, **columns)


def folded(events: list[Event]) -> list[tuple[str, list[int]]]:
    return [
        (day.title, [len(entry.events) for entry in day.entries]) for day in group_by_day(events)
    ]


def test_equal_events_that_follow_each_other_are_one_entry_of_their_day() -> None:
    events = [
        event(1),
        event(2),
        event(3, AccountKind.SIGNED_IN),
        event(4),
        event(5, address="192.0.2.1"),
        event(6, address="192.0.2.1", user_agent="curl"),
        event(29, user_agent="curl"),
        event(31, user_agent="curl"),  # the day before
    ]
    assert folded(events) == [("Today", [2, 1, 1, 1, 1, 1]), ("Yesterday", [1])]


def test_the_origin_of_administrators_tells_nothing() -> None:
    events = [event(n, Event.Kind.LIMITED, actor_id=2, address=f"192.0.2.{n}") for n in (1, 2)]
    assert folded(events) == [("Today", [2])]


def test_only_a_change_has_several_facts() -> None:
    detail = "name: A → B; scopes: +a:read"
    (day,) = group_by_day([event(1, Event.Kind.CHANGED, detail=detail)])
    assert day.entries[0].details == ["name: A → B", "scopes: +a:read"]
    (day,) = group_by_day([event(1, Event.Kind.LIMITED, detail="1/second; 9/hour → 9/hour")])
    assert day.entries[0].details == ["1/second; 9/hour → 9/hour"]


@pytest.mark.parametrize(
    ("days_ago", "title"),
    [(0, "Today"), (1, "Yesterday"), (2, "Sunday 22 November"), (366, "Sunday 23 November 2025")],
)
def test_titles_of_days(days_ago: int, title: str) -> None:
    assert folded([event(24 * 60 * days_ago)])[0][0] == title


def test_days_are_those_of_the_person() -> None:
    with timezone.override("America/New_York"):
        assert folded([event(0), event(60 * 20)]) == [("Today", [1]), ("Yesterday", [1])]


def test_every_kind_has_an_icon(owner: User) -> None:
    assert {kind for kind, _ in EVENT_TYPES} == EVENT_ICONS.keys()
