"""Prometheus metrics of pages, sign-ins, mails and the build.

tokens.usage.prometheus has the metrics of API requests.
"""

import platform
from collections.abc import Callable
from datetime import datetime
from time import perf_counter
from typing import Any

import django
from allauth.account.signals import user_logged_in
from allauth.mfa.signals import authentication_failed
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import MiddlewareNotUsed
from django.db.models import Count, Min, Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import Counter, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily

from accounts.models import Notification as AccountNotification
from accounts.outbox import mail_tried
from config.version import COMMIT, VERSION
from tokens.models import Notification
from tokens.notifications.outbox import MAX_EVENT_MAIL_AGE
from tokens.usage import metrics, prometheus

PAGE_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds
SIGN_IN_ROUTES = {"account_login", "mfa_authenticate", "mfa_login_webauthn"}
RESULTS = ("succeeded", "wrong_password", "wrong_code", "refused")
# Values of the label `route` for requests without a route: for a static file, or for no page.
STATIC, UNKNOWN = "static", "unknown"

pages = Counter(
    "tokenry_page_requests",
    "Requests of people, by route and class of status.",
    ["route", "status"],
    registry=prometheus.request_registry,
)
page_time = Histogram(
    "tokenry_page_seconds",
    "Time to answer a page.",
    buckets=PAGE_BUCKETS,
    registry=prometheus.request_registry,
)
sign_ins = Counter(
    "tokenry_sign_ins",
    "Attempts to sign in or to confirm who one is, by result.",
    ["result"],
    registry=prometheus.request_registry,
)


class PageMetricsMiddleware:
    """Count and time requests for pages, and count refused sign-ins.

    Django leaves this middleware out if nobody may read the metrics.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not metrics.enabled():
            raise MiddlewareNotUsed
        self.get_response = get_response
        create_alert_counters()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = perf_counter()
        response = self.get_response(request)
        route = route_of(request)
        pages.labels(route, f"{response.status_code // 100}xx").inc()
        if route != STATIC:  # files are fast and many, and would hide the times of pages
            page_time.observe(perf_counter() - began)
        if response.status_code == 429 and route in SIGN_IN_ROUTES:
            sign_ins.labels("refused").inc()
        return response


def create_alert_counters() -> None:
    """Create the counters that alerts use, with the value 0.

    Otherwise a counter begins with 1 at its first event, and Prometheus does not see the increase.
    """
    for result in RESULTS:
        sign_ins.labels(result)
    for outbox in ("accounts", "tokens"):
        for result in ("sent", "failed"):
            prometheus.mails_sent.labels(outbox, result)
    prometheus.requests.labels(500, "internal_error")
    prometheus.requests.labels(503, "unavailable")


def route_of(request: HttpRequest) -> str:
    """Return the name of the request's URL pattern, as the label `route`.

    The path is no good label, because Prometheus would store a series of values for each path.
    """
    if request.resolver_match:
        return request.resolver_match.view_name
    return STATIC if request.path.startswith(settings.STATIC_URL) else UNKNOWN


def count_sign_in(result: str) -> Callable[..., None]:
    """Return a signal receiver that counts a sign-in with this result."""

    def count(**kwargs: Any) -> None:
        if metrics.enabled():
            sign_ins.labels(result).inc()

    return count


for signal, result in (
    (user_logged_in, "succeeded"),
    (user_login_failed, "wrong_password"),
    (authentication_failed, "wrong_code"),
):
    signal.connect(count_sign_in(result), weak=False, dispatch_uid=f"metrics of {result}")


def count_mail(sent: bool, **kwargs: Any) -> None:
    """Count an attempt to send a mail about an account. `sent` says whether it was sent."""
    metrics.observe_mail("accounts", sent=sent)


mail_tried.connect(count_mail)


def waiting_mails() -> list[GaugeMetricFamily]:
    """Return gauges for each outbox: mails that wait, mails given up, age of the oldest mail.

    An outbox is a queue of mails in the database. One has mails about accounts, one about tokens.
    """
    now = timezone.now()
    waiting = GaugeMetricFamily(
        "tokenry_mails_waiting", "Mails that wait to be sent.", labels=["outbox"]
    )
    given_up = GaugeMetricFamily(
        "tokenry_mails_given_up", "Mails that Tokenry no longer sends.", labels=["outbox"]
    )
    oldest = GaugeMetricFamily(
        "tokenry_mails_oldest_seconds",
        "How long the oldest waiting mail has waited.",
        labels=["outbox"],
    )
    for outbox, (number, lost, since) in {
        "accounts": account_mails(),
        "tokens": token_mails(now),
    }.items():
        waiting.add_metric([outbox], number)
        given_up.add_metric([outbox], lost)
        oldest.add_metric([outbox], (now - since).total_seconds() if since else 0)
    return [waiting, given_up, oldest]


# How many mails wait, how many were given up, and when the oldest waiting mail was queued.
MailCounts = tuple[int, int, datetime | None]


def account_mails() -> MailCounts:
    """Return how many mails about accounts wait, and how many are given up.

    The third value is the time since which the first of them waits, or None.
    """
    waits = ~Q(due_at=None)
    found = AccountNotification.objects.aggregate(
        waiting=Count("pk", filter=waits),
        lost=Count("pk", filter=~waits),
        since=Min("made_at", filter=waits),
    )
    return found["waiting"], found["lost"], found["since"]


def token_mails(now: datetime) -> MailCounts:
    """Return how many mails about tokens wait, and how many are given up.

    The third value is the time since which the first of them waits, or None.
    Reminders that a token expires are not included: a daily command sends and reports them.
    """
    unsent = Notification.objects.event_mails().to_active_accounts().filter(sent_at=None)
    waits = Q(made_at__gt=now - MAX_EVENT_MAIL_AGE)
    found = unsent.aggregate(
        waiting=Count("pk", filter=waits),
        lost=Count("pk", filter=~waits),
        since=Min("made_at", filter=waits),
    )
    return found["waiting"], found["lost"], found["since"]


def build_info() -> list[GaugeMetricFamily]:
    """Return a gauge that is always 1. Its labels have the versions of Tokenry, Python, Django."""
    labels = {
        "version": VERSION,
        "commit": COMMIT,
        "python": platform.python_version(),
        "django": django.get_version(),
    }
    family = GaugeMetricFamily(
        "tokenry_build_info", "Always 1. The labels name the versions.", labels=list(labels)
    )
    family.add_metric(list(labels.values()), 1)
    return [family]


def register_sources() -> None:
    """Add these metrics to those of tokens.usage.prometheus.

    `build_info` comes first, because it needs no database and so can't fail.
    """
    prometheus.sources[:] = [build_info, *prometheus.sources, waiting_mails]
