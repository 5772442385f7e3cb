"""`manage.py prune` deletes, in small batches, rows that are older than the settings keep them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from threading import Barrier, Thread

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from accounts.models import Notification as AccountNotification
from accounts.models import User
from tests.conftest import Issue
from tests.run import patience
from tokens.models import (
    DayCount,
    Event,
    HourCount,
    IdempotencyKey,
    Notification,
    RecentRequest,
    RequirementCount,
    ScopeCount,
    Token,
)
from tokens.token_settings import TokenSettings
from tokens.usage import retention

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def prune(*options: str) -> str:
    out = StringIO()
    with time_machine.travel(NOW, tick=False):
        call_command("prune", *options, stdout=out)
    return out.getvalue()


def events(*options: str) -> str:
    """Run `prune`. Return its first line, which is about events."""
    return prune(*options).partition("\n")[0]


def make_events(owner: User, *ages: timedelta) -> None:
    """Make an event of each age."""
    Event.objects.bulk_create(Event(owner=owner, kind="signed_in", at=NOW - age) for age in ages)


@pytest.mark.parametrize(
    ("days", "age", "stays"),
    [
        (730, timedelta(days=730), True),
        (730, timedelta(days=730) + TICK, False),
        (1, timedelta(days=1), True),
        (1, timedelta(days=1) + TICK, False),
        (36_500, timedelta(days=36_499), True),
    ],
)
def test_events_are_kept_as_long_as_the_setting_says(
    owner: User, token_settings: TokenSettings, days: int, age: timedelta, stays: bool
) -> None:
    token_settings.EVENT_RETENTION_DAYS = days
    make_events(owner, age)
    assert events() == f"{int(not stays)} events older than {days} days deleted."
    assert Event.objects.exists() == stays


@pytest.mark.parametrize(
    ("kind", "setting", "make"),
    [
        (
            "requests",
            "REQUEST_RETENTION_DAYS",
            lambda token, at: RecentRequest(
                token=token, at=at, status=200, refused=False, milliseconds=1
            ),
        ),
        (
            "hours of usage",
            "HOUR_RETENTION_DAYS",
            lambda token, at: HourCount(token=token, hour=at, status_class=2, last_at=at),
        ),
        (
            "days of usage",
            "DAY_RETENTION_DAYS",
            lambda token, at: DayCount(token=token, day=at, status_class=2, last_at=at),
        ),
        (
            "days of scopes",
            "DAY_RETENTION_DAYS",
            lambda token, at: ScopeCount(token=token, day=at, scope="a:read", last_at=at),
        ),
        (
            "days of requirements",
            "DAY_RETENTION_DAYS",
            lambda token, at: RequirementCount(token=token, day=at, scopes="a:read", last_at=at),
        ),
    ],
)
def test_usage_is_kept_as_long_as_the_settings_say(
    issue: Issue,
    token_settings: TokenSettings,
    kind: str,
    setting: str,
    make: Callable[[Token, datetime], Model],
) -> None:
    token_settings.REQUEST_RETENTION_DAYS = token_settings.HOUR_RETENTION_DAYS = (
        token_settings.DAY_RETENTION_DAYS
    ) = 1000
    setattr(token_settings, setting, 40)
    token, _ = issue()
    for days in (39, 41, 42):
        row = make(token, NOW - timedelta(days=days))
        row.save()
    assert f"2 {kind} older than 40 days deleted." in prune().splitlines()
    assert type(row)._base_manager.count() == 1
    assert type(row)._base_manager.filter(pk=row.pk).exists() is False


def test_events_are_kept_for_two_years_by_default(token_settings: TokenSettings) -> None:
    assert token_settings.EVENT_RETENTION_DAYS == 730


def test_idempotency_keys_are_kept_for_a_day(issue: Issue) -> None:
    token, _ = issue()
    for key, age in {"kept": timedelta(days=1), "gone": timedelta(days=1) + TICK}.items():
        IdempotencyKey.objects.create(
            token=token, key=key, fingerprint="0" * 64, made=token, at=NOW - age
        )
    assert "1 idempotency keys older than 1 days deleted.\n" in prune()
    assert IdempotencyKey.objects.get().key == "kept"


def test_sessions_that_ended(db: None) -> None:
    for key, age in {"kept": timedelta(days=1), "gone": timedelta(days=1) + TICK}.items():
        Session.objects.create(session_key=key, session_data="", expire_date=NOW - age)
    assert "1 ended sessions older than 1 days deleted.\n" in prune()
    assert Session.objects.get().session_key == "kept"


def test_dry_run_deletes_none(owner: User) -> None:
    make_events(owner, timedelta(days=1), timedelta(days=800), timedelta(days=900))
    assert events("--dry-run") == "2 events older than 730 days would be deleted."
    assert Event.objects.count() == 3


def test_a_few_at_a_time_the_oldest_first(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "DELETE_BATCH", 2)
    make_events(owner, timedelta(days=1), *(timedelta(days=800 + day) for day in range(5)))
    with CaptureQueriesContext(connection) as queries:
        assert prune().startswith("5 events")
    assert [query["sql"].split()[0] for query in queries if "DELETE" in query["sql"]] == [
        "DELETE"
    ] * 3
    assert Event.objects.get().at == NOW - timedelta(days=1)
    assert prune().startswith("0 events")


@pytest.mark.django_db(transaction=True)
def test_two_at_once(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two nodes may run `prune` at the same time: every old event is deleted, without errors."""
    monkeypatch.setattr(retention, "DELETE_BATCH", 10)
    make_events(
        owner, timedelta(days=1), *(timedelta(days=800, seconds=second) for second in range(200))
    )
    start, counts, together = Barrier(2), [], [retention.RULES[0]] * 2

    def run(rule: retention.Rule) -> None:
        start.wait()
        try:
            counts.append(rule.prune())
        finally:
            connection.close()

    with time_machine.travel(NOW, tick=False):
        threads = [Thread(target=run, args=(rule,)) for rule in together]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=patience(10))
    assert sum(counts) == 200
    assert len(counts) == 2
    assert Event.objects.get().at == NOW - timedelta(days=1)


def test_notifications(issue: Issue) -> None:
    token, _ = issue()
    for address, days in {"192.0.2.1": 91, "192.0.2.2": 89}.items():
        made_at = NOW - timedelta(days=days)
        Notification.objects.create(
            token=token, kind=Notification.Kind.NEW_ADDRESS, detail=address, made_at=made_at
        )
    assert "1 notifications older than 90 days deleted." in prune().splitlines()
    assert Notification.objects.get().detail == "192.0.2.2"


def test_mails_that_were_not_sent(owner: User) -> None:
    for kind, age in {"kept": timedelta(days=90), "gone": timedelta(days=90) + TICK}.items():
        AccountNotification.objects.create(
            user=owner, kind=kind, to=owner.email, made_at=NOW - age, due_at=None
        )
    assert "1 mails that were not sent older than 90 days deleted." in prune().splitlines()
    assert AccountNotification.objects.get().kind == "kept"


def test_sessions_on_lists(owner: User) -> None:
    for key, age in {"kept": timedelta(days=31), "gone": timedelta(days=31) + TICK}.items():
        UserSession.objects.create(
            user=owner, ip="192.0.2.1", session_key=key, created_at=NOW - age
        )
    assert "1 sessions on lists older than 31 days deleted." in prune().splitlines()
    assert UserSession.objects.get().session_key == "kept"
