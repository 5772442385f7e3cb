"""How tokens are used: numbers of requests, by day, hour and so on, and the latest requests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

from django.db import connection, models
from django.utils import timezone

from tokens.models.rows import column_names, insert_rows
from tokens.models.scope import SCOPE_LENGTH

AGENT_LENGTH = PATH_LENGTH = 200
FAMILY_LENGTH = 40
# Short enough for an index of PostgreSQL, even if each character has four bytes.
REQUIRED_SCOPES_LENGTH = 500
KEPT_ANSWERED, KEPT_REFUSED = 200, 1000  # the latest requests of each token that are kept
SUMS = ("requests", "refused")
UsageRow = tuple[Any, ...]


class CountQuerySet(models.QuerySet[Any]):
    """Queries for counts of requests. Several processes and nodes add to the same counts."""

    def add(self, rows: Iterable[UsageRow]) -> None:
        """Add `rows` to the counts that are stored; insert a count that does not exist yet.

        A row has the values of the model's KEY, then `requests`, `refused` and `last_at`.
        """
        key, table = self.model.KEY, self.model._meta.db_table
        sums = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in SUMS)
        # A stored time in the future comes from a clock that was wrong, so it is replaced.
        newer = f"excluded.last_at > {table}.last_at OR {table}.last_at > %s"
        latest = f"CASE WHEN {newer} THEN excluded.last_at ELSE {table}.last_at END"
        conflict = ", ".join(column_names(self.model, key))
        # NOTE: Each node adds its rows sorted by the key, so all nodes lock the rows in the same
        # order. Otherwise two nodes could wait for each other for ever (a deadlock).
        insert_rows(
            self.model,
            (*key, *SUMS, "last_at"),
            sorted(rows),
            f" ON CONFLICT ({conflict}) DO UPDATE SET {sums}, last_at = {latest}",
            [connection.ops.adapt_datetimefield_value(timezone.now())],
        )


def note_uses(rows: Iterable[tuple[datetime, str | None, str, int]]) -> None:
    """Store the last use of tokens. A row has the time, address, program and primary key.

    If several nodes store a use of a token, the latest use stays. But a stored time in the
    future comes from a clock that was wrong, so it is replaced.
    """
    statement = (
        "UPDATE tokens_token SET last_used_at = %s, last_used_address = %s, last_used_agent = %s"
        " WHERE id = %s AND (last_used_at IS NULL OR last_used_at < %s OR last_used_at > %s)"
    )
    adapt = connection.ops.adapt_datetimefield_value
    now = adapt(timezone.now())
    adapted_rows = [(adapt(at), *rest) for at, *rest in rows]
    with connection.cursor() as cursor:
        cursor.executemany(statement, [(*row, row[0], now) for row in adapted_rows])


class Count(models.Model):
    """How many requests a token made, and how many of them Tokenry refused.

    This is the base of the counts below. There is one row for each combination of the fields in
    KEY.
    """

    KEY: ClassVar[tuple[str, ...]] = ()

    token = models.ForeignKey(
        "tokens.Token", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    requests = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    last_at = models.DateTimeField()

    objects = CountQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.requests} requests, {self.refused} refused"


class DayCount(Count):
    """Numbers of requests for each day (UTC), caller and class of status (2 for 200 to 299).

    A caller is a client address with the kind of program, such as "curl" (`family`).
    """

    KEY = ("token", "day", "address", "family", "status_class")

    day = models.DateField()
    address = models.CharField(max_length=45, blank=True)  # "" if unknown
    family = models.CharField(max_length=FAMILY_LENGTH, blank=True)
    status_class = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["token", "day", "address", "family", "status_class"], name="day_count_once"
            )
        ]
        indexes = [models.Index(fields=["day"], name="day_count_day")]  # for `prune`


class HourCount(Count):
    """Numbers of requests for each hour (UTC) and class of status (2 for 200 to 299)."""

    KEY = ("token", "hour", "status_class")

    hour = models.DateTimeField()
    status_class = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["token", "hour", "status_class"], name="hour_count_once"
            )
        ]
        indexes = [models.Index(fields=["hour"], name="hour_count_hour")]


class ScopeCount(Count):
    """Numbers of requests for each day (UTC) and scope that the endpoint required.

    `refused` counts requests whose token lacked this scope, or another scope that the same
    endpoint required.
    """

    KEY = ("token", "day", "scope")

    day = models.DateField()
    scope = models.CharField(max_length=SCOPE_LENGTH)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["token", "day", "scope"], name="scope_count_once")
        ]
        indexes = [models.Index(fields=["day"], name="scope_count_day")]


class RequirementCount(Count):
    """Numbers of requests for each day (UTC), caller, and what the endpoint required.

    They show whether a changed token or setting would have refused past requests. Every request
    with the right secret counts, even if the request was refused.
    """

    KEY = ("token", "day", "address", "family", "scopes", "environment")

    # NOTE: A node of the previous release deletes a token but not these rows. A constraint in the
    # database would forbid that. Rows without a token are deleted when they are old.
    token = models.ForeignKey(
        "tokens.Token",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    day = models.DateField()
    address = models.CharField(max_length=45, blank=True)  # "" if unknown
    family = models.CharField(max_length=FAMILY_LENGTH, blank=True)
    # Names of scopes, sorted, with a space between them. "*" counts all other requirements: the
    # text would be too long, or there were too many different requirements on that day.
    scopes = models.CharField(max_length=REQUIRED_SCOPES_LENGTH, blank=True)
    environment = models.CharField(max_length=4, blank=True)  # "" for any

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["token", "day", "address", "family", "scopes", "environment"],
                name="requirement_count_once",
            )
        ]
        indexes = [models.Index(fields=["day"], name="requirement_count_day")]  # for `prune`


class RecentRequest(models.Model):
    """A request that a token made, without the query string and the body."""

    # The fields of a row that `write` takes, in this order.
    WRITTEN: ClassVar = (
        "token", "at", "method", "path", "status", "refused", "code", "reference",
        "milliseconds", "address", "user_agent",
    )  # fmt: skip

    token = models.ForeignKey(
        "tokens.Token", on_delete=models.CASCADE, related_name="recent_requests", db_index=False
    )
    at = models.DateTimeField()
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=PATH_LENGTH)
    status = models.PositiveSmallIntegerField()
    refused = models.BooleanField()  # refused by Tokenry, not by the view
    code = models.CharField(max_length=30, blank=True)  # the problem code in the answer
    reference = models.CharField(max_length=16, blank=True)
    milliseconds = models.FloatField()
    address = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=AGENT_LENGTH, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["token", "-at", "-id"], name="recent_request_token"),
            models.Index(
                fields=["token", "-at", "-id"],
                condition=models.Q(refused=True),
                name="recent_request_refused",
            ),
            models.Index(
                fields=["reference"],
                condition=~models.Q(reference=""),
                name="recent_request_reference",
            ),
            models.Index(fields=["at"], name="recent_request_at"),  # for `prune`
            # For the overview in Django admin: refused requests of all tokens, by cause.
            models.Index(
                fields=["at", "code", "token"],
                condition=models.Q(refused=True),
                name="recent_request_cause",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"

    @classmethod
    def write(cls, rows: Iterable[UsageRow]) -> None:
        """Insert rows that have the fields of WRITTEN."""
        insert_rows(cls, cls.WRITTEN, rows)

    @classmethod
    def trim(cls, token_pk: int) -> None:
        """Delete old requests of a token, so that a busy token does not fill the table.

        The latest KEPT_ANSWERED answered requests and the latest KEPT_REFUSED refused requests
        stay.
        """
        for refused, kept in ((False, KEPT_ANSWERED), (True, KEPT_REFUSED)):
            rows = cls.objects.filter(token_id=token_pk, refused=refused)
            if newest_to_go := rows.values_list("at", flat=True)[kept : kept + 1].first():
                rows.filter(at__lte=newest_to_go).delete()
