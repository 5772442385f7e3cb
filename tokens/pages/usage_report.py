"""The usage on the page of a token: requests over time, callers, required scopes, events.

A caller is a kind of program at one client address. A refused request got an error from Tokenry.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import Min, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.formats import date_format

from tokens.models import (
    KEPT_REFUSED,
    Count,
    DayCount,
    Event,
    HourCount,
    ScopeCount,
    Status,
    Token,
)
from tokens.pages.callers import Caller, Callers, Totals, busiest_callers, percentage
from tokens.pages.chart import Bar, Chart, Mark
from tokens.pages.event_facts import EVENT_ICONS, facts_of

DAYS, HOURS = 30, 48
DAYS_BETWEEN_TICKS = 7
HOURS_WITH_TICKS = {0, 12}
MAX_CALLERS, MAX_STILL_CALLING = 10, 3
MAX_MARKED_EVENTS = 200
MAX_SHOWN_EVENTS = 10  # as lines; Activity shows all events


class Period(NamedTuple):
    """A time that the chart can show, up to now. It has `steps` bars, and a bar is `step` long.

    `rows` is the model that counts the requests, and `at` is its column for the day or hour.
    `unit` is the heading of that column on the page.
    """

    label: str
    unit: str
    rows: type[Count]
    at: str
    step: timedelta
    steps: int


# The key is the name in the URL.
PERIODS = {
    "": Period(f"{DAYS} days", "Day (UTC)", DayCount, "day", timedelta(days=1), DAYS),
    "hour": Period(f"{HOURS} hours", "Hour", HourCount, "hour", timedelta(hours=1), HOURS),
}


class PeriodLink(NamedTuple):
    """A link above the chart that chooses a period. `current` is True for the chosen one."""

    label: str
    query: str
    current: bool


class StillUsed(NamedTuple):
    """The programs that still send requests today with a token that has ended or was replaced.

    `word` says what happened to the token, such as “revoked”. `requests` is the number of requests
    since then, or None if it is unknown.
    """

    word: str
    callers: Callers
    requests: int | None


class Report:
    """The usage of `token` in the last 30 days (UTC). `by` chooses the period of the chart.

    The number of queries does not grow with the number of requests.
    """

    def __init__(self, token: Token, by: str = "") -> None:
        self.token = token
        self.by = by if by in PERIODS else ""
        self.now = timezone.now().astimezone(UTC)
        self.today = self.now.date()
        self.first = self.today - timedelta(days=DAYS - 1)

    @cached_property
    def since(self) -> date:
        """Return the first of the 30 days for which the requests are known.

        This is the latest of three days: the first of the 30, the day on which the token was made,
        and the day of the first request that this installation has counted for any token.
        """
        began = DayCount.objects.aggregate(first=Min("day"))["first"] or self.today
        return max(self.first, self.token.created_at.astimezone(UTC).date(), began)

    @property
    def is_whole(self) -> bool:
        """Return True if the requests of all 30 days are known."""
        return self.since == self.first

    @property
    def span(self) -> str:
        """Return for which days requests are known, such as “in 30 days” or “since 3 Nov 2026”."""
        return f"in {DAYS} days" if self.is_whole else f"since {date_format(self.since, 'j M Y')}"

    @cached_property
    def times(self) -> list[Any]:
        """Return the day or hour of each bar of the chart, in order of time."""
        period = PERIODS[self.by]
        hour = self.now.replace(minute=0, second=0, microsecond=0)
        last: Any = self.today if period.rows is DayCount else hour
        return [last - period.step * back for back in reversed(range(period.steps))]

    @cached_property
    def counts(self) -> dict[date, list[int]]:
        """Return how many requests there were, and how many were refused, by day or hour.

        Days and hours without a request are left out.
        """
        period = PERIODS[self.by]
        rows = period.rows.objects.filter(token=self.token, **{f"{period.at}__gte": self.times[0]})
        sums = rows.values_list(period.at).annotate(Sum("requests"), Sum("refused"))
        return {at: numbers for at, *numbers in sums}

    @cached_property
    def chart(self) -> Chart:
        """Return the chart for the chosen period."""
        last, bars = self.times[-1], []
        for at in self.times:
            requests, refused = self.counts.get(at, (0, 0))
            marks = tuple(self.marks.get(at, ()))
            bars.append(
                Bar(bar_label(at), requests, refused, tick_label(at, last), marks, at == last)
            )
        return Chart(PERIODS[self.by].label, PERIODS[self.by].unit, bars)

    @cached_property
    def totals(self) -> Totals:
        """Return the number of requests in the 30 days, even if the chart shows the last hours."""
        if not self.by:
            days = [self.counts[day] for day in self.times if day in self.counts]
            return Totals(sum(day[0] for day in days), sum(day[1] for day in days))
        sums = self.days.filter(day__gte=self.first).aggregate(n=Sum("requests"), r=Sum("refused"))
        return Totals(sums["n"] or 0, sums["r"] or 0)

    @cached_property
    def events(self) -> list[Event]:
        """Return the latest entries of the token's audit log, newest first."""
        return list(self.token.events.select_related("actor")[:MAX_MARKED_EVENTS])

    @property
    def history(self) -> list[tuple[str, Event, list[str]]]:
        """Return the events that the page lists, each as its icon, the event, and its details."""
        return [
            (EVENT_ICONS[event.kind], event, facts_of(event))
            for event in self.events[:MAX_SHOWN_EVENTS]
        ]

    @cached_property
    def marks(self) -> dict[Any, list[Mark]]:
        """Return the marks of the chart: what happened to the token, by day or by hour.

        Several events of the same kind in one day or hour have one mark.
        """
        happened = [
            (event.at, Mark(EVENT_ICONS[event.kind], event.get_kind_display()))
            for event in reversed(self.events)
        ]
        if self.token.renewed_from_id:
            made = Mark(EVENT_ICONS[Event.Kind.RENEWED], "Made by renewing")
            happened.append((self.token.created_at, made))
        found: dict[Any, list[Mark]] = {}
        for at, mark in happened:
            hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            marks = found.setdefault(hour if self.by else hour.date(), [])
            if mark not in marks:
                marks.append(mark)
        return found

    @property
    def periods(self) -> list[PeriodLink]:
        """Return the links that choose the period of the chart."""
        return [
            PeriodLink(period.label, f"?by={name}" if name else "?", name == self.by)
            for name, period in PERIODS.items()
        ]

    @cached_property
    def callers(self) -> Callers:
        """Return the callers with the most requests in the 30 days."""
        return busiest_callers(self.days.filter(day__gte=self.first), MAX_CALLERS)

    @property
    def shares(self) -> list[tuple[Caller, str]]:
        """Return the callers with the most requests, each with its percentage of all requests."""
        whole = self.totals.requests
        return [(caller, percentage(caller.requests, whole)) for caller in self.callers.shown]

    @property
    def days(self) -> QuerySet[DayCount]:
        """Return the rows that count the requests with the token for each day."""
        return DayCount.objects.filter(token=self.token)

    @cached_property
    def still_used(self) -> StillUsed | None:
        """Return today's callers of a token that was revoked, expired or replaced, or else None.

        Only callers since then count. Return None, too, if there are none.

        NOTE: Requests are counted by day. If the token ended today, these counts do not tell which
        requests came after the end. So refused requests are then counted in the request log. A
        replaced token works until its overlap ends, so its requests are not refused, and their
        number is unknown.
        """
        ends = {
            Status.REVOKED: ("revoked", self.token.revoked_at),
            Status.EXPIRED: ("expired", self.token.expires_at),
            Status.RETIRING: ("replaced", self.token.renewed_at),
        }
        word, ended_at = ends.get(self.token.status, ("", None))
        if ended_at is None:
            return None
        counted = "requests" if word == "replaced" else "refused"
        rows = self.days.filter(Q(**{f"{counted}__gt": 0}), day=self.today, last_at__gt=ended_at)
        found = busiest_callers(rows, MAX_STILL_CALLING)
        if not found.shown:
            return None
        if ended_at.astimezone(UTC).date() != self.today:
            return StillUsed(word, found, rows.aggregate(sum=Sum(counted))["sum"])
        return StillUsed(word, found, None if word == "replaced" else self.refused_since(ended_at))

    def refused_since(self, at: datetime) -> int | None:
        """Return how many requests were refused after `at`.

        Return None if the number is unknown, because the log keeps only the latest KEPT_REFUSED of
        them.
        """
        refused = self.token.recent_requests.filter(refused=True, at__gt=at)[:KEPT_REFUSED].count()
        return refused if refused < KEPT_REFUSED else None

    @cached_property
    def required(self) -> dict[str, int]:
        """Return how many requests needed each scope, by the name of the scope.

        Scopes that the token lacks are included. If the token replaced another token at a renewal,
        the requests with that token count too, because the same program sent them.
        """
        both = [self.token.pk, self.token.renewed_from_id]
        rows = ScopeCount.objects.filter(token__in=both, day__gte=self.first)
        return dict(rows.values_list("scope").annotate(Sum("requests")))

    @property
    def used(self) -> dict[str, int]:
        """Return the scopes of the token that requests needed, with the number of requests."""
        return {name: self.required[name] for name in self.token.scopes if name in self.required}

    @property
    def unused(self) -> list[str]:
        """Return the scopes of the token that no request needed."""
        return [name for name in self.token.scopes if name not in self.required]

    @property
    def suggests_narrowing(self) -> bool:
        """Return True if the page suggests to narrow the token, that is, to remove unused scopes.

        If no scope was used, the page suggests this only after 30 days, because the program may
        not have started yet.
        """
        return bool(self.unused) and self.token.is_renewable and (bool(self.used) or self.is_whole)


def bar_label(at: date) -> str:
    """Return the label of a bar: a day in UTC, or an hour in the person's time zone."""
    if isinstance(at, datetime):
        return date_format(timezone.localtime(at), "j M, H:i T")
    return date_format(at, "D j M")


def tick_label(at: date, last: date) -> str:
    """Return the label below the bar for `at`, or "" if the bar has none.

    Every seventh day has a label, counted back from the day `last`. With hours, midnight and noon
    have labels.
    """
    if isinstance(at, datetime):
        local = timezone.localtime(at)
        if local.hour not in HOURS_WITH_TICKS:
            return ""
        return date_format(local, "H:i T") if local.hour else date_format(local, "j M")
    return "" if (last - at).days % DAYS_BETWEEN_TICKS else date_format(at, "j M")
