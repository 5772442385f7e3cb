"""Sparklines: a small bar chart for each token in the list, of its requests in the last 30 days.

Lengths are units of the SVG that the template draws.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, date, timedelta
from typing import NamedTuple

from django.db.models import Sum
from django.utils import timezone

from tokens.models import DayCount
from tokens.pages.usage_report import DAYS

SPARK_STEP = 3  # from one bar to the next
SPARK_HEIGHT = 20


class Sparkline(NamedTuple):
    """A small bar chart: its size, its bars as an SVG path, and its tooltip (`title`)."""

    title: str
    path: str
    width: int = SPARK_STEP * DAYS
    height: int = SPARK_HEIGHT


def sparklines(pks: Collection[int]) -> dict[int, Sparkline]:
    """Return a sparkline for each token that sent requests, by primary key. This takes one query.

    `pks` are the primary keys of the tokens.
    """
    today = timezone.now().astimezone(UTC).date()
    first = today - timedelta(days=DAYS - 1)
    rows = DayCount.objects.filter(token__in=pks, day__range=(first, today))
    counts: dict[int, dict[date, int]] = defaultdict(dict)
    for pk, day, requests in rows.values_list("token", "day").annotate(Sum("requests")):
        counts[pk][day] = requests
    days = [first + timedelta(days=n) for n in range(DAYS)]
    return {
        pk: sparkline([requests_by_day.get(day, 0) for day in days])
        for pk, requests_by_day in counts.items()
    }


def sparkline(requests: list[int]) -> Sparkline:
    """Return the sparkline for these numbers of requests, one number for each day.

    At least one number must be above 0. The bar of a day with a request is at least 2 units high,
    because people would not see a lower bar.
    """
    most, total = max(requests), sum(requests)
    bars = [
        f"M{n * SPARK_STEP + 1} {SPARK_HEIGHT}v-{max(2, round(SPARK_HEIGHT * count / most))}"
        for n, count in enumerate(requests)
        if count
    ]
    noun = "request" if total == 1 else "requests"
    return Sparkline(f"{total:,} {noun} in {DAYS} days", "".join(bars))
