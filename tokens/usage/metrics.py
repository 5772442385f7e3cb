"""Count API requests and mails for Prometheus, if the setting METRICS is on.

A background thread (recorder.py) counts the requests after they are answered. prometheus.py has
the metrics themselves, and is imported only if they are on.
"""

import collections
from collections.abc import Sequence

from tokens.core.circuit_breaker import breakers
from tokens.token_settings import token_settings
from tokens.usage.request_record import RequestRecord


def enabled() -> bool:
    """Return True if metrics are counted. Otherwise nobody may read them."""
    return token_settings.METRICS


def observe(records: Sequence[RequestRecord]) -> None:
    """Count answered requests, and record how long they took.

    Also record how long each took in the rate limiter and in the database, if it used them.
    """
    if not enabled():
        return
    from tokens.usage import prometheus

    numbers = collections.Counter((record.status, record.code) for record in records)
    for (status, code), number in numbers.items():
        prometheus.requests.labels(status, code).inc(number)
    for record in records:
        prometheus.request_time.observe(record.seconds)
        if record.limiter_seconds:
            prometheus.limiter_time.observe(record.limiter_seconds)
        if record.database_seconds:
            prometheus.database_time.observe(record.database_seconds)


def observe_waiting(records: int) -> None:
    """Set the gauge for requests that are counted in memory, but are not in the database yet."""
    if enabled():
        from tokens.usage import prometheus

        prometheus.waiting.set(records)


def observe_dropped(records: int) -> None:
    """Count the requests that were not stored one by one, because too many came."""
    if enabled():
        from tokens.usage import prometheus

        prometheus.dropped.inc(records)


def observe_breakers() -> None:
    """Set the gauge for each service whose circuit breaker is open in this process.

    An open circuit breaker means that the database or Redis fails, and is not asked for a moment.
    """
    if not enabled():
        return
    from tokens.usage import prometheus

    states: dict[str, bool] = {}
    for breaker in list(breakers):
        states[breaker.service] = states.get(breaker.service, False) or breaker.is_open
    for service, is_open in states.items():
        prometheus.breaker_open.labels(service).set(is_open)


def observe_mail(outbox: str, *, sent: bool) -> None:
    """Count an attempt to send a mail. `outbox` is the queue of the mail, such as "accounts"."""
    if enabled():
        from tokens.usage import prometheus

        prometheus.mails_sent.labels(outbox, "sent" if sent else "failed").inc()
