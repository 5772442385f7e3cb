"""How tokens are used: requests counted by day, by hour and by scope, and the latest ones themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, ClassVar

from django.db import connection, models

from tokens.models.scope import SCOPE_LENGTH

AGENT_LENGTH = PATH_LENGTH = 200
FAMILY_LENGTH = 40
KEPT_ANSWERED, KEPT_REFUSED = 200, 1000  # of the latest requests, for each token
SUMS = ("requests", "refused")
Row = tuple[Any, ...]


class CountQuerySet(models.QuerySet[Any]):
    """Rows that several processes and nodes add to."""

    def add(self, rows: Iterable[Row]) -> None:
        """Add to the counts of each row, which has the model's KEY, then `requests`, `refused` and `last_at`.

        Rows are taken in their order, the same everywhere, so that nodes never wait for each other in a circle.
        """
        key, table = self.model.KEY, self.model._meta.db_table
        sums = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in SUMS)
        latest = f"CASE WHEN excluded.last_at > {table}.last_at THEN excluded.last_at ELSE {table}.last_at END"
        clash = f" ON CONFLICT ({', '.join(columns(self.model, key))}) DO UPDATE SET {sums}, last_at = {latest}"
        insert(self.model, (*key, *SUMS, "last_at"), sorted(rows), clash)


def columns(model: Any, names: Iterable[str]) -> list[str]:
    return [model._meta.get_field(name).column for name in names]


def note_uses(rows: Iterable[tuple[datetime, str | None, str, int]]) -> None:
    """Last uses: when, from where and by what program which token was used. The latest of several nodes stays."""
    statement = (
        "UPDATE tokens_token SET last_used_at = %s, last_used_address = %s, last_used_agent = %s"
        " WHERE id = %s AND (last_used_at IS NULL OR last_used_at < %s)"
    )
    with connection.cursor() as cursor:
        cursor.executemany(statement, [adapted((*row, row[0]), [0, 4]) for row in rows])


def insert(model: Any, names: Sequence[str], rows: Iterable[Row], clash: str = "") -> None:
    """Write `rows` of those fields, in SQL that SQLite and PostgreSQL share: the ORM takes five times as long, and
    this is written for every request. The fields are numbers, texts, dates and times."""
    statement = (
        f"INSERT INTO {model._meta.db_table} ({', '.join(columns(model, names))})"
        f" VALUES ({', '.join(['%s'] * len(names))}){clash}"
    )
    times = [place for place, name in enumerate(names) if isinstance(model._meta.get_field(name), models.DateField)]
    with connection.cursor() as cursor:
        cursor.executemany(statement, [adapted(row, times) for row in rows])


def adapted(row: Row, times: list[int]) -> list[Any]:
    """`row` with what the database's module takes for the times at those places."""
    values = list(row)
    for place in times:
        values[place] = adapted_time(values[place])
    return values


@lru_cache(maxsize=4096)  # a call's time stands in several tables
def adapted_time(value: date) -> Any:
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return connection.ops.adapt_datefield_value(value)


class Count(models.Model):
    """How many requests a token made that have the same KEY; `refused` are those that Tokenry refused."""

    KEY: ClassVar[tuple[str, ...]] = ()

    token = models.ForeignKey("tokens.Token", on_delete=models.CASCADE, related_name="+", db_index=False)
    requests = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    last_at = models.DateTimeField()

    objects = CountQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.requests} requests, {self.refused} refused"


class DayCount(Count):
    """By day (UTC), caller and class of status: 2 for 200 to 299. A caller is an address and what it calls itself."""

    KEY = ("token", "day", "address", "family", "status_class")

    day = models.DateField()
    address = models.CharField(max_length=45, blank=True)  # "" where it is not known
    family = models.CharField(max_length=FAMILY_LENGTH, blank=True)
    status_class = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["token", "day", "address", "family", "status_class"], name="day_count_once")
        ]
        indexes = [models.Index(fields=["day"], name="day_count_day")]  # prune


class HourCount(Count):
    """By hour (UTC) and class of status."""

    KEY = ("token", "hour", "status_class")

    hour = models.DateTimeField()
    status_class = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "hour", "status_class"], name="hour_count_once")]
        indexes = [models.Index(fields=["hour"], name="hour_count_hour")]


class ScopeCount(Count):
    """By day (UTC) and scope that was asked for; `refused` where the token lacked it, or one asked for with it."""

    KEY = ("token", "day", "scope")

    day = models.DateField()
    scope = models.CharField(max_length=SCOPE_LENGTH)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "day", "scope"], name="scope_count_once")]
        indexes = [models.Index(fields=["day"], name="scope_count_day")]


class RecentRequest(models.Model):
    """One request that a token made: never its query string or body."""

    WRITTEN: ClassVar = (
        "token", "at", "method", "path", "status", "refused", "code", "reference", "milliseconds", "address",
        "user_agent",
    )  # fmt: skip

    token = models.ForeignKey("tokens.Token", on_delete=models.CASCADE, related_name="recent_requests", db_index=False)
    at = models.DateTimeField()
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=PATH_LENGTH)
    status = models.PositiveSmallIntegerField()
    refused = models.BooleanField()  # by Tokenry, not by the view
    code = models.CharField(max_length=30, blank=True)  # of a failure, as its answer says it
    reference = models.CharField(max_length=16, blank=True)
    milliseconds = models.FloatField()
    address = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=AGENT_LENGTH, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["token", "-at", "-id"], name="recent_request_token"),
            models.Index(
                fields=["token", "-at", "-id"], condition=models.Q(refused=True), name="recent_request_refused"
            ),
            models.Index(fields=["reference"], condition=~models.Q(reference=""), name="recent_request_reference"),
            models.Index(fields=["at"], name="recent_request_at"),  # prune
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"

    @classmethod
    def write(cls, rows: Iterable[Row]) -> None:
        """Add rows of WRITTEN."""
        insert(cls, cls.WRITTEN, rows)

    @classmethod
    def trim(cls, token_pk: int) -> None:
        """Delete all but the latest requests of that token, so that a busy one takes no more room than another."""
        for refused, kept in ((False, KEPT_ANSWERED), (True, KEPT_REFUSED)):
            rows = cls.objects.filter(token_id=token_pk, refused=refused)
            if newest_to_go := rows.values_list("at", flat=True)[kept : kept + 1].first():
                rows.filter(at__lte=newest_to_go).delete()
