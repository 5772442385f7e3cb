"""Metrics of the requests that programs make, in the format that Prometheus reads.

The recorder's thread observes them, never a request. Under `manage.py serve` the processes share what they observed
in files, so that any one of them answers for all.
"""

import collections
import os
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import lru_cache

from django.conf import settings
from django.db import Error
from django.db.models import Count, Q
from django.utils import timezone
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from tokens.call import Call
from tokens.models import Token

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # names the folder of those files; the library reads it when it is imported
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds
WEEK = timedelta(days=7)
KEPT_SECONDS = 5  # the numbers of tokens, so that asking often costs little

own = CollectorRegistry()
requests = Counter(
    "tokenry_requests", "Requests of programs by status and code of failure.", ["status", "code"], registry=own
)
request_time = Histogram("tokenry_request_seconds", "Time to answer a request.", buckets=BUCKETS, registry=own)
limiter_time = Histogram("tokenry_limiter_seconds", "Time to count one against a limit.", buckets=BUCKETS, registry=own)
database_time = Histogram("tokenry_database_seconds", "Time to look a token up.", buckets=BUCKETS, registry=own)
waiting = Gauge(
    "tokenry_calls_waiting", "Requests that the last flush had to write.", registry=own, multiprocess_mode="livesum"
)
dropped = Counter("tokenry_details_dropped", "Requests counted but not kept one by one.", registry=own)


def wanted() -> bool:
    """Whether METRICS_TOKEN or METRICS_ADDRESSES let anybody ask; without them nothing is observed."""
    return bool(settings.METRICS_TOKEN or settings.METRICS_ADDRESSES)


def observe(calls: Sequence[Call]) -> None:
    """Add calls that are answered. A service that was not asked has no time."""
    if not wanted():
        return
    for (status, code), number in collections.Counter((call.status, call.code) for call in calls).items():
        requests.labels(status, code).inc(number)
    for call in calls:
        request_time.observe(call.seconds)
        if call.limiter:
            limiter_time.observe(call.limiter)
        if call.database:
            database_time.observe(call.database)


def observe_waiting(calls: int) -> None:
    """A flush has so many to write."""
    if wanted():
        waiting.set(calls)


def observe_dropped(calls: int) -> None:
    """So many more were counted only."""
    if wanted():
        dropped.inc(calls)


def document() -> bytes:
    """All metrics of all processes of this server."""
    registry = CollectorRegistry()
    if FOLDER in os.environ:
        MultiProcessCollector(registry)
    else:
        registry.register(own)
    registry.register(Tokens())
    return generate_latest(registry)


class Tokens(Collector):
    """The numbers of tokens, which are left out while the database does not answer."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        if numbers := count_tokens(int(time.monotonic() // KEPT_SECONDS)):
            active, expiring = numbers
            yield GaugeMetricFamily("tokenry_tokens_active", "Tokens neither expired nor revoked.", active)
            words = "Those of them that expire within 7 days and have no successor."
            yield GaugeMetricFamily("tokenry_tokens_expiring_7_days", words, expiring)


@lru_cache(maxsize=1)
def count_tokens(period: int) -> tuple[int, int] | None:
    """The active ones, and those of them that expire within a week and have no successor. Counted once in a period."""
    now = timezone.now()
    expiring = Q(renewed_at=None, expires_at__lte=now + WEEK)
    try:
        found = Token.objects.active(now).aggregate(active=Count("pk"), expiring=Count("pk", filter=expiring))
    except Error:
        return None
    return found["active"], found["expiring"]
