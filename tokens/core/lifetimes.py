"""How long a new token works, and how long a renewed token still works: the choices of forms."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dateutil.relativedelta import relativedelta


@dataclass(frozen=True, slots=True)
class Lifetime:
    """A choice of how long a new token works, such as 90 days.

    `key` is for forms and links, such as "90d". `use` says what the choice is good for.
    """

    key: str
    label: str
    use: str
    length: relativedelta

    def end(self, start: datetime) -> datetime:
        """Return when a token expires that is created at `start`.

        Months are calendar months: 31 August + 6 months is the last day of February.
        """
        return start + self.length


# tokens.api.schemas.Expires lists the keys again, for the API.
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
DEFAULT_LIFETIME = "90d"


@dataclass(frozen=True, slots=True)
class Overlap:
    """A choice of how long a renewed token still works beside the token that replaces it."""

    key: str
    label: str
    length: timedelta


# tokens.api.schemas.OverlapKey lists the keys again, for the API.
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


def allowed_lifetimes(max_days: int | None, start: datetime) -> dict[str, Lifetime]:
    """Return the lifetimes that end at most `max_days` days after `start`, by key.

    None allows all. If even the shortest lifetime is too long, return only a lifetime of
    `max_days` days.
    """
    if max_days is None:
        return LIFETIMES
    latest = start + relativedelta(days=max_days)
    allowed = {
        key: lifetime for key, lifetime in LIFETIMES.items() if lifetime.end(start) <= latest
    }
    label = f"{max_days} day{'s' if max_days > 1 else ''}"
    longest = Lifetime(f"{max_days}d", label, "The longest allowed", relativedelta(days=max_days))
    return allowed or {longest.key: longest}
