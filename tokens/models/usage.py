"""How tokens are used: requests counted by day, by hour and by scope, and the latest ones themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.db import connection, models

from tokens.models.scope import SCOPE_LENGTH

AGENT_LENGTH = PATH_LENGTH = 200
FAMILY_LENGTH = 40
KEPT_ANSWERED, KEPT_REFUSED = 200, 1000  # of the latest requests, for each token
SUMS = ("requests", "refused")


class CountQuerySet(models.QuerySet[Any]):
    """Rows that several processes and nodes add to."""

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add to the counts of each row, which has the model's KEY, then `requests`, `refused` and `last_at`.

        Rows are taken in their order, the same everywhere, so that nodes never wait for each other in a circle.
        """
        fields = columns(self.model)
        values = [
            [field.get_db_prep_save(value, connection) for field, value in zip(fields, row, strict=True)]
            for row in sorted(rows)
        ]
        with connection.cursor() as cursor:
            cursor.executemany(upsert(self.model), values)


def columns(model: Any) -> list[Any]:
    """The fields that a count is made of."""
    return [model._meta.get_field(name) for name in (*model.KEY, *SUMS, "last_at")]


def upsert(model: Any) -> str:
    """The statement that makes a row or adds to it, in the SQL that SQLite and PostgreSQL share."""
    table, names = model._meta.db_table, [field.column for field in columns(model)]
    sums = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in SUMS)
    latest = f"CASE WHEN excluded.last_at > {table}.last_at THEN excluded.last_at ELSE {table}.last_at END"
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})"
        f" ON CONFLICT ({', '.join(names[: len(model.KEY)])}) DO UPDATE SET {sums}, last_at = {latest}"
    )


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
    """By day (UTC) and scope that the endpoint asked for; `refused` because the token lacks it."""

    KEY = ("token", "day", "scope")

    day = models.DateField()
    scope = models.CharField(max_length=SCOPE_LENGTH)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "day", "scope"], name="scope_count_once")]
        indexes = [models.Index(fields=["day"], name="scope_count_day")]


class RecentRequest(models.Model):
    """One request that a token made: never its query string or body."""

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
    def trim(cls, token_pk: int) -> None:
        """Delete all but the latest requests of that token, so that a busy one takes no more room than another."""
        for refused, kept in ((False, KEPT_ANSWERED), (True, KEPT_REFUSED)):
            rows = cls.objects.filter(token_id=token_pk, refused=refused)
            if newest_to_go := rows.values_list("at", flat=True)[kept : kept + 1].first():
                rows.filter(at__lte=newest_to_go).delete()
