"""The callers of a token: the programs and addresses that send requests with the token.

A caller is a kind of program, such as "curl", at one client address.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Count as CountRows
from django.db.models import Max, QuerySet, Sum, Window
from django.utils.html import format_html

from tokens.models import DayCount


class Caller(NamedTuple):
    """One caller of a token: a kind of program (`family`) at one client address.

    `requests` counts its requests. Tokenry refused `refused` of them: the answer was an error of
    Tokenry. Tokenry counts at most 100 callers of a token each day separately. All further callers
    are counted together, as one Caller whose `address` and `family` are empty.
    """

    address: str
    family: str
    requests: int
    refused: int
    last_at: datetime

    @property
    def words(self) -> str:
        """Return the caller as text for the page, such as “203.0.113.9 (curl)”.

        The `bdi` element keeps a name in a right-to-left script from reordering the rest of the
        line.
        """
        if not self.address and not self.family:
            return "other callers (counted together)"
        address = self.address or "an unknown address"
        return format_html("{} (<bdi>{}</bdi>)", address, self.family) if self.family else address

    @property
    def key(self) -> str:
        """Return the caller as a value for the URL, such as "203.0.113.9 curl".

        Return "" for the callers that are counted together.
        """
        return f"{self.address} {self.family}" if self.address or self.family else ""

    @property
    def plain_words(self) -> str:
        """Return the caller as text without HTML, for an option of a select field."""
        return f"{self.address or 'unknown address'} ({self.family or 'unknown program'})"


class Totals(NamedTuple):
    """How many requests came with a token in the last 30 days, and how many Tokenry refused."""

    requests: int
    refused: int

    @property
    def answered(self) -> int:
        """Return the number of requests that Tokenry did not refuse."""
        return self.requests - self.refused

    @property
    def refused_share(self) -> str:
        """Return the refused part of the requests as a percentage, such as “60%”."""
        return percentage(self.refused, self.requests)


class Callers(NamedTuple):
    """The callers with the most requests (`shown`), and the number of all others (`others`)."""

    shown: list[Caller]
    others: int


def busiest_callers(rows: QuerySet[DayCount], limit: int) -> Callers:
    """Return the callers with the most requests, at most `limit` of them, busiest first.

    `rows` are the daily counts from which the requests of each caller are added up. This takes one
    query.
    """
    sums: Any = rows.values_list("address", "family").annotate(
        Sum("requests"), Sum("refused"), Max("last_at")
    )
    sums = sums.annotate(groups=Window(CountRows("*")))
    found = list(sums.order_by("-requests__sum", "-last_at__max", "address", "family")[:limit])
    return Callers([Caller(*row[:-1]) for row in found], found[0][-1] - len(found) if found else 0)


def percentage(part: int, whole: int) -> str:
    """Return `part` as a percentage of `whole`, such as “60%”.

    Below ten percent the text has one decimal, such as “0.3%”. Below 0.1% it is “under 0.1%”.
    """
    share = 100 * part / whole if whole else 0
    if 0 < share < 0.1:
        return "under 0.1%"
    if share < 10:
        return f"{share:.1f}%".replace(".0%", "%")
    return f"{share if part == whole else min(share, 99):.0f}%"  # a part is never 100%
