"""The metrics as Prometheus reads them: objects to count with, and numbers from the database.

metrics.py counts with the objects here. This module is imported only if the setting METRICS is on,
because prometheus_client may be missing: the extra `tokenry[metrics]` installs it.

Under `manage.py serve` the processes write their values to shared files. So each process can
answer Prometheus with the sum of all processes.
"""

import os
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import lru_cache

from django.db import Error
from django.db.models import Count, Q
from django.utils import timezone
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from tokens.models import Job, Token

# The environment variable that names the folder of the shared files. prometheus_client reads it
# when it is imported.
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# Upper bounds in seconds.
REQUEST_BUCKETS = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
)  # fmt: skip
A_WEEK = timedelta(days=7)
# Numbers from the database are read at most once in this time, however often Prometheus asks.
DATABASE_READ_SECONDS = 5

request_registry = CollectorRegistry()
requests = Counter(
    "tokenry_requests",
    "API requests by status and problem code.",
    ["status", "code"],
    registry=request_registry,
)
request_time = Histogram(
    "tokenry_request_seconds",
    "Time to answer a request.",
    buckets=REQUEST_BUCKETS,
    registry=request_registry,
)
limiter_time = Histogram(
    "tokenry_limiter_seconds",
    "Time to count a request against its limits.",
    buckets=REQUEST_BUCKETS,
    registry=request_registry,
)
database_time = Histogram(
    "tokenry_database_seconds",
    "Time to look a token up.",
    buckets=REQUEST_BUCKETS,
    registry=request_registry,
)
waiting = Gauge(
    "tokenry_calls_waiting",
    "Requests that the last flush had to write.",
    registry=request_registry,
    multiprocess_mode="livesum",
)
dropped = Counter(
    "tokenry_details_dropped",
    "Requests that are counted, but whose details are not kept.",
    registry=request_registry,
)
breaker_open = Gauge(
    "tokenry_breaker_open",
    "1 while the circuit breaker of this service is open in any process.",
    ["service"],
    registry=request_registry,
    multiprocess_mode="livemax",
)
mails_sent = Counter(
    "tokenry_mails",
    "Mails handed to the mail server, by result.",
    ["outbox", "result"],
    registry=request_registry,
)


def exposition() -> bytes:
    """Return the metrics of all processes of this server, in the text format of Prometheus."""
    registry = CollectorRegistry()
    if FOLDER_VARIABLE in os.environ:
        MultiProcessCollector(registry)
    else:
        registry.register(request_registry)
    registry.register(DatabaseCollector())
    return generate_latest(registry)


class DatabaseCollector(Collector):
    """Gives Prometheus the numbers from the database, or none while the database fails."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return read_sources(int(time.monotonic() // DATABASE_READ_SECONDS))


@lru_cache(maxsize=1)
def read_sources(period: int) -> list[GaugeMetricFamily]:
    """Return the metrics of all `sources`, which query the database.

    The result is cached: with the same `period`, a number that grows every DATABASE_READ_SECONDS,
    nothing is read again. After a database error, leave out all further sources, so that not each
    of them waits for the database.
    """
    found: list[GaugeMetricFamily] = []
    try:
        for source in sources:
            found += source()
    except Error:
        pass
    return found


def token_metrics() -> list[GaugeMetricFamily]:
    """Return gauges for active tokens, and for those that expire in a week and are not renewed."""
    now = timezone.now()
    expiring = Q(renewed_at=None, expires_at__lte=now + A_WEEK)
    numbers = Token.objects.active(now).aggregate(
        active=Count("pk"), expiring=Count("pk", filter=expiring)
    )
    active_help = "Tokens neither expired nor revoked."
    expiring_help = "Active tokens that expire within 7 days and have no successor."
    return [
        GaugeMetricFamily("tokenry_tokens_active", active_help, numbers["active"]),
        GaugeMetricFamily("tokenry_tokens_expiring_7_days", expiring_help, numbers["expiring"]),
    ]


def job_metrics() -> list[GaugeMetricFamily]:
    """Return a gauge with the Unix time at which each daily command last succeeded.

    The label is named `command`, because Prometheus itself sets a label `job`.
    """
    name = "tokenry_job_last_success_timestamp_seconds"
    family = GaugeMetricFamily(
        name, "When the command last succeeded; 0: never.", labels=["command"]
    )
    for command, at in Job.last_successes().items():
        family.add_metric([command], at)
    return [family]


# Functions that read metrics from the database. config/metrics.py adds more.
sources: list[Callable[[], list[GaugeMetricFamily]]] = [token_metrics, job_metrics]
