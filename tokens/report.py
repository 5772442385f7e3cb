"""What a token's page shows of its use: requests over time, callers, the latest requests, and the scopes asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import Count as CountRows
from django.db.models import Max, Min, Q, QuerySet, Sum, Window
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html

from tokens.chart import Bar, Chart
from tokens.models import KEPT_REFUSED, Count, DayCount, HourCount, RecentRequest, ScopeCount, Status, Token

DAYS, HOURS = 30, 48
MOST_CALLERS, MOST_STILL_CALLING = 10, 3
MOST_LATEST, MOST_REFUSED = 50, 10


class Period(NamedTuple):
    """A time that the chart shows: so many steps up to now, read from the column `at` of `rows`."""

    label: str
    each: str
    rows: type[Count]
    at: str
    step: timedelta
    steps: int


PERIODS = {  # by their name in the address
    "": Period(f"{DAYS} days", "Day (UTC)", DayCount, "day", timedelta(days=1), DAYS),
    "hour": Period(f"{HOURS} hours", "Hour", HourCount, "hour", timedelta(hours=1), HOURS),
}


class PeriodLink(NamedTuple):
    """A choice above the chart."""

    label: str
    query: str
    current: bool


class Caller(NamedTuple):
    """Requests by one program from one address. Both are empty for those who were not told apart."""

    address: str
    family: str
    requests: int
    refused: int
    last_at: datetime

    @property
    def words(self) -> str:
        """“203.0.113.9 (curl)”; what a program calls itself can't turn the words around it."""
        if not self.address and not self.family:
            return "callers not told apart"
        address = self.address or "an unknown address"
        return format_html("{} (<bdi>{}</bdi>)", address, self.family) if self.family else address


class Callers(NamedTuple):
    """The busiest, and how many others there are."""

    shown: list[Caller]
    others: int


class StillUsed(NamedTuple):
    """Who called today with a token that is over, and how often, if that is known."""

    word: str
    callers: Callers
    requests: int | None


class Report:
    """The use of a token in the 30 days up to today, in UTC. Its number of queries does not depend on how much it is.

    `by` is the name of the chart's period.
    """

    def __init__(self, token: Token, by: str = "") -> None:
        self.token = token
        self.by = by if by in PERIODS else ""
        self.now = timezone.now().astimezone(UTC)
        self.today = self.now.date()
        self.first = self.today - timedelta(days=DAYS - 1)

    @cached_property
    def since(self) -> date:
        """From which of the 30 days on requests with it are counted: it is younger, or the counting is.

        The counting is at least as old as the first request that it knows of, with whatever token.
        """
        began = DayCount.objects.aggregate(first=Min("day"))["first"] or self.today
        return max(self.first, self.token.created_at.astimezone(UTC).date(), began)

    @property
    def is_whole(self) -> bool:
        """Whether all of the 30 days are counted."""
        return self.since == self.first

    @property
    def span(self) -> str:
        """The days that are counted, in words."""
        return f"in {DAYS} days" if self.is_whole else f"since {date_format(self.since, 'j M Y')}"

    @cached_property
    def chart(self) -> Chart:
        period = PERIODS[self.by]
        last: Any = self.today if period.rows is DayCount else self.now.replace(minute=0, second=0, microsecond=0)
        times = [last - period.step * back for back in reversed(range(period.steps))]
        rows = period.rows.objects.filter(token=self.token, **{f"{period.at}__gte": times[0]})
        counts = {at: sums for at, *sums in rows.values_list(period.at).annotate(Sum("requests"), Sum("refused"))}
        return Chart(period.label, period.each, [Bar(label(at), *counts.get(at, (0, 0))) for at in times])

    @property
    def periods(self) -> list[PeriodLink]:
        return [
            PeriodLink(period.label, f"?by={name}" if name else "?", name == self.by)
            for name, period in PERIODS.items()
        ]

    @cached_property
    def callers(self) -> Callers:
        return callers(self.days.filter(day__gte=self.first), MOST_CALLERS)

    @property
    def days(self) -> QuerySet[DayCount]:
        return DayCount.objects.filter(token=self.token)

    @cached_property
    def still_used(self) -> StillUsed | None:
        """Who called with it today although it was revoked, expired or replaced before; None where nobody did."""
        ends = {
            Status.REVOKED: ("revoked", self.token.revoked_at),
            Status.EXPIRED: ("expired", self.token.expires_at),
            Status.RETIRING: ("replaced", self.token.renewed_at),
        }
        word, ended_at = ends.get(self.token.status, ("", None))
        if ended_at is None:
            return None
        counted = "requests" if word == "replaced" else "refused"  # a replaced one works until its overlap ends
        rows = self.days.filter(Q(**{f"{counted}__gt": 0}), day=self.today, last_at__gt=ended_at)
        found = callers(rows, MOST_STILL_CALLING)
        if not found.shown:
            return None
        if ended_at.astimezone(UTC).date() != self.today:
            return StillUsed(word, found, rows.aggregate(sum=Sum(counted))["sum"])
        return StillUsed(word, found, None if word == "replaced" else self.refused_since(ended_at))

    def refused_since(self, at: datetime) -> int | None:
        """How many requests were refused later than that today; None for more than are kept one by one."""
        refused = self.token.recent_requests.filter(refused=True, at__gt=at)[:KEPT_REFUSED].count()
        return refused if refused < KEPT_REFUSED else None

    @cached_property
    def latest(self) -> list[RecentRequest]:
        return list(self.token.recent_requests.all()[:MOST_LATEST])

    @cached_property
    def refused(self) -> list[RecentRequest]:
        """The latest of those that Tokenry refused."""
        return list(self.token.recent_requests.filter(refused=True)[:MOST_REFUSED])

    @cached_property
    def asked(self) -> dict[str, int]:
        """How many requests asked for each scope, whether or not the token has it: with it, or with the one that it
        replaced, which did the same work."""
        both = [self.token.pk, self.token.renewed_from_id]
        rows = ScopeCount.objects.filter(token__in=both, day__gte=self.first)
        return dict(rows.values_list("scope").annotate(Sum("requests")))

    @property
    def used(self) -> dict[str, int]:
        """The scopes of the token that requests asked for, and how many did."""
        return {name: self.asked[name] for name in self.token.scopes if name in self.asked}

    @property
    def unused(self) -> list[str]:
        """The scopes of the token that no request asked for."""
        return [name for name in self.token.scopes if name not in self.asked]

    @property
    def suggests_narrowing(self) -> bool:
        """Whether there is a scope to drop, and use enough, or time enough, to tell."""
        return bool(self.unused) and self.token.is_renewable and (bool(self.used) or self.is_whole)


def callers(rows: QuerySet[DayCount], most: int) -> Callers:
    """Who made the requests that `rows` count, the busiest first; in one query."""
    sums: Any = rows.values_list("address", "family").annotate(Sum("requests"), Sum("refused"), Max("last_at"))
    sums = sums.annotate(groups=Window(CountRows("*")))
    found = list(sums.order_by("-requests__sum", "-last_at__max", "address", "family")[:most])
    return Callers([Caller(*row[:-1]) for row in found], found[0][-1] - len(found) if found else 0)


def label(at: date) -> str:
    """A day as it is in UTC, or an hour of a day where the person is."""
    if isinstance(at, datetime):
        return date_format(timezone.localtime(at), "j M, H:i T")
    return date_format(at, "j M")
