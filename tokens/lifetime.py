"""How long a token may live, in calendar arithmetic, and for how long a renewed one works on. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dateutil.relativedelta import relativedelta


@dataclass(frozen=True, slots=True)
class Lifetime:
    """A choice of expiration: its key in forms and links, its label, what it is for, and its length."""

    key: str
    label: str
    use: str
    length: relativedelta

    def end(self, start: datetime) -> datetime:
        """The instant of expiry. Months and years are calendar ones: 31 August + 6 months is the last of February."""
        return start + self.length


LIFETIMES = {
    lifetime.key: lifetime
    for lifetime in (
        Lifetime("30d", "30 days", "Short-term testing", relativedelta(days=30)),
        Lifetime("90d", "90 days", "Medium-term projects", relativedelta(days=90)),
        Lifetime("6m", "6 months", "Long-term integrations", relativedelta(months=6)),
        Lifetime("1y", "1 year", "Annual renewals", relativedelta(years=1)),
        Lifetime("4y", "No expiration (4 years)", "Permanent access", relativedelta(years=4)),
    )
}
DEFAULT = "90d"


@dataclass(frozen=True, slots=True)
class Overlap:
    """For how long a renewed token works beside its successor: the key in forms and links, the label, the length."""

    key: str
    label: str
    length: timedelta


OVERLAPS = {
    overlap.key: overlap
    for overlap in (
        Overlap("now", "Now", timedelta(0)),
        Overlap("1h", "1 hour", timedelta(hours=1)),
        Overlap("24h", "24 hours", timedelta(hours=24)),
        Overlap("7d", "7 days", timedelta(days=7)),
    )
}
DEFAULT_OVERLAP = "24h"


def within(most_days: int | None, start: datetime) -> dict[str, Lifetime]:
    """The choices that end at most so many days after `start`, by key; None allows all of them.

    Where even the shortest is too long, those days are the one choice.
    """
    if most_days is None:
        return LIFETIMES
    latest = start + relativedelta(days=most_days)
    allowed = {key: lifetime for key, lifetime in LIFETIMES.items() if lifetime.end(start) <= latest}
    label = f"{most_days} day{'s' if most_days > 1 else ''}"
    only = Lifetime(f"{most_days}d", label, "The longest allowed", relativedelta(days=most_days))
    return allowed or {only.key: only}
