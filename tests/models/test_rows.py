"""Rows written past the ORM are the rows that the ORM would write."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DataError, connection, transaction
from django.db.models import DO_NOTHING

from tests.conftest import Issue
from tests.records import a_record
from tokens.models import HourCount, RecentRequest, RequirementCount, Token, rows
from tokens.usage.recorder import Recorder

NOW = datetime(2026, 11, 22, 12, 30, 15, tzinfo=UTC)
TICK = timedelta(microseconds=1)
WEEK = timedelta(days=7)
TEXTS = [
    "",
    "GET",
    "it's",
    '"',
    "\\",
    "\\n\t",
    "%s",
    "é",
    "\U0001f600",
    "null",
    "[]",
    "\x1b",
    "\u2028",
]


def stored(table: str) -> list[tuple[Any, ...]]:
    """Return all rows in the form that the database has, without their keys."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} ORDER BY id")
        return [row[1:] for row in cursor.fetchall()]


def test_any_value_is_stored_as_the_orm_stores_it(
    issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "ROWS_PER_STATEMENT", 4)
    token, _ = issue()
    times = [NOW, NOW + TICK, NOW - TICK, NOW + timedelta(seconds=1), NOW, NOW - WEEK]
    made: list[dict[str, Any]] = [
        {
            "token_id": token.pk, "at": times[number % len(times)], "method": text, "path": text,
            "status": 200 + number, "refused": number % 2 == 0, "code": text, "reference": text,
            "milliseconds": number / 10, "address": text, "user_agent": text,
        }
        for number, text in enumerate(TEXTS)
    ]  # fmt: skip
    RecentRequest.write(tuple(row.values()) for row in made)
    written = stored("tokens_recentrequest")
    RecentRequest.objects.all().delete()
    RecentRequest.objects.bulk_create([RecentRequest(**row) for row in made])
    assert written == stored("tokens_recentrequest")
    assert len(written) == len(TEXTS)


@pytest.mark.django_db
def test_no_rows() -> None:
    RecentRequest.write([])
    assert stored("tokens_recentrequest") == []


def test_sums_are_stored_as_the_orm_stores_them(issue: Issue) -> None:
    token, _ = issue()
    hour = NOW.replace(minute=0, second=0)
    HourCount.objects.add([(token.pk, hour, 2, 3, 1, NOW + TICK)])
    written = stored("tokens_hourcount")
    HourCount.objects.all().delete()
    HourCount.objects.create(
        token=token, hour=hour, status_class=2, requests=3, refused=1, last_at=NOW + TICK
    )
    assert written == stored("tokens_hourcount")
    HourCount.objects.add([(token.pk, hour, 2, 4, 0, NOW)])
    assert stored("tokens_hourcount") == [(7, 1, *written[0][2:])]


@pytest.mark.parametrize(
    "text", [pytest.param("x" * 201, id="too long"), pytest.param("\x00", id="a null character")]
)
def test_values_that_postgresql_never_takes(issue: Issue, text: str) -> None:
    """PostgreSQL raises DataError, so the recorder does not try again. SQLite takes any text."""
    token, _ = issue()
    row = (token.pk, NOW, "GET", text, 200, False, "", "", 1.0, "", "")
    refuses = pytest.raises(DataError) if connection.vendor == "postgresql" else nullcontext()
    with refuses, transaction.atomic():
        RecentRequest.write([row])


def test_the_previous_release_can_delete_a_token(
    issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its code does not know the counts of requirements. They stay until they are old."""
    token, _ = issue()
    recorder = Recorder()
    recorder.record(a_record(token, NOW))
    recorder.flush()
    relation = RequirementCount._meta.get_field("token").remote_field
    monkeypatch.setattr(relation, "on_delete", DO_NOTHING)
    token.delete()
    connection.check_constraints()
    assert not Token.objects.exists()
    assert RequirementCount.objects.count() == 1


def test_requirements_are_deleted_with_their_token(issue: Issue) -> None:
    token, _ = issue()
    recorder = Recorder()
    recorder.record(a_record(token, NOW))
    recorder.flush()
    Token.objects.get(pk=token.pk).delete()
    assert not RequirementCount.objects.exists()
