"""What `manage.py prune` deletes because of its age: a line for each kind of row."""

from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import models
from django.utils import timezone

from tokens.models import DayCount, Event, HourCount, IdempotencyKey, RecentRequest, ScopeCount

BATCH_SIZE = 1000  # rows deleted in one transaction: others never wait for long


class Rule(NamedTuple):
    """Those `rows` go whose column `at` is further back than `keep`: days, or the setting that says how many."""

    name: str
    rows: models.QuerySet[Any]
    at: str
    keep: str | int

    @property
    def days(self) -> int:
        return self.keep if isinstance(self.keep, int) else int(getattr(settings, self.keep))

    @property
    def old(self) -> models.QuerySet[Any]:
        """The rows that go, the oldest first."""
        return self.rows.filter(**{f"{self.at}__lt": timezone.now() - timedelta(days=self.days)}).order_by(self.at)

    def prune(self) -> int:
        """Delete them; how many this call deleted. Safe at any time, and on several nodes at once."""
        deleted = 0
        while batch := list(self.old.values_list("pk", flat=True)[:BATCH_SIZE]):
            deleted += self.rows.filter(pk__in=batch).delete()[0]
        return deleted


RULES = [
    Rule("events", Event._base_manager.all(), "at", "EVENT_RETENTION_DAYS"),  # noqa: SLF001  (the public one refuses)
    Rule("requests", RecentRequest.objects.all(), "at", "REQUEST_RETENTION_DAYS"),
    Rule("hours of usage", HourCount.objects.all(), "hour", "HOUR_RETENTION_DAYS"),
    Rule("days of usage", DayCount.objects.all(), "day", "DAY_RETENTION_DAYS"),
    Rule("days of scopes", ScopeCount.objects.all(), "day", "DAY_RETENTION_DAYS"),
    Rule("ended sessions", Session.objects.all(), "expire_date", 1),
    Rule("idempotency keys", IdempotencyKey.objects.all(), "at", 1),
]
