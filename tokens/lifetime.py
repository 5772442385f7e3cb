"""How long a token may live: the five choices, in calendar arithmetic. Pure."""

from dataclasses import dataclass
from datetime import datetime

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
