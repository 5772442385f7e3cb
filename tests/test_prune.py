"""manage.py prune: what is older than the settings keep goes, in small bites."""

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
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import Notification, User
from tests.conftest import Issue, a_call, bearer, program, signed_in
from tests.run import patience
from tokens import denial, retention, troubleshoot
from tokens.models import DayCount, Event, HourCount, IdempotencyKey, Notice, RecentRequest, ScopeCount, Token
from tokens.remedies import remedy
from tokens.usage import recorder

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def prune(*options: str) -> str:
    out = StringIO()
    with time_machine.travel(NOW, tick=False):
        call_command("prune", *options, stdout=out)
    return out.getvalue()


def events(*options: str) -> str:
    """What it says of events, which it names first."""
    return prune(*options).partition("\n")[0]


def happened(owner: User, *ages: timedelta) -> None:
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
def test_how_long(owner: User, settings: Settings, days: int, age: timedelta, stays: bool) -> None:
    settings.EVENT_RETENTION_DAYS = days
    happened(owner, age)
    assert events() == f"{int(not stays)} events older than {days} days deleted."
    assert Event.objects.exists() == stays


@pytest.mark.parametrize(
    ("kind", "setting", "make"),
    [
        (
            "requests",
            "REQUEST_RETENTION_DAYS",
            lambda token, at: RecentRequest(token=token, at=at, status=200, refused=False, milliseconds=1),
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
    ],
)
def test_how_long_usage(
    issue: Issue, settings: Settings, kind: str, setting: str, make: Callable[[Token, datetime], Model]
) -> None:
    settings.REQUEST_RETENTION_DAYS = settings.HOUR_RETENTION_DAYS = settings.DAY_RETENTION_DAYS = 1000
    setattr(settings, setting, 40)
    token, _ = issue()
    for days in (39, 41, 42):
        row = make(token, NOW - timedelta(days=days))
        row.save()
    assert f"2 {kind} older than 40 days deleted." in prune().splitlines()
    assert type(row)._base_manager.count() == 1
    assert type(row)._base_manager.filter(pk=row.pk).exists() is False


def test_two_years_unless_said_otherwise(settings: Settings) -> None:
    assert settings.EVENT_RETENTION_DAYS == 730


def test_idempotency_keys_are_kept_for_a_day(issue: Issue) -> None:
    token, _ = issue()
    for key, age in {"kept": timedelta(days=1), "gone": timedelta(days=1) + TICK}.items():
        IdempotencyKey.objects.create(token=token, key=key, fingerprint="0" * 64, made=token, at=NOW - age)
    assert "1 idempotency keys older than 1 days deleted.\n" in prune()
    assert IdempotencyKey.objects.get().key == "kept"


def test_sessions_that_ended(db: None) -> None:
    for key, age in {"kept": timedelta(days=1), "gone": timedelta(days=1) + TICK}.items():
        Session.objects.create(session_key=key, session_data="", expire_date=NOW - age)
    assert "1 ended sessions older than 1 days deleted.\n" in prune()
    assert Session.objects.get().session_key == "kept"


def test_dry_run_deletes_none(owner: User) -> None:
    happened(owner, timedelta(days=1), timedelta(days=800), timedelta(days=900))
    assert events("--dry-run") == "2 events older than 730 days would be deleted."
    assert Event.objects.count() == 3


def test_a_few_at_a_time_the_oldest_first(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH_SIZE", 2)
    happened(owner, timedelta(days=1), *(timedelta(days=800 + day) for day in range(5)))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert prune().startswith("5 events")
    assert [query["sql"].split()[0] for query in queries if "DELETE" in query["sql"]] == ["DELETE"] * 3
    assert Event.objects.get().at == NOW - timedelta(days=1)
    assert prune().startswith("0 events")


@pytest.mark.django_db(transaction=True)
def test_two_at_once(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """As two nodes whose timers fire together: every old event goes, and neither stumbles."""
    monkeypatch.setattr(retention, "BATCH_SIZE", 10)
    happened(owner, timedelta(days=1), *(timedelta(days=800, seconds=second) for second in range(200)))
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


def ended(issue: Issue, days: int, name: str = "ended", **changes: object) -> Token:
    """A token that was revoked so many days ago."""
    token, _ = issue(name=name, **changes)
    Token.objects.filter(pk=token.pk).update(revoked_at=NOW - timedelta(days=days))
    return token


def test_tokens_that_ended_long_ago(issue: Issue, owner: User) -> None:
    issue(name="works", expires_at=NOW + timedelta(days=1))
    ended(issue, 89, "revoked lately")
    issue(name="expired lately", expires_at=NOW - timedelta(days=89))
    gone, value = issue(name="expired", expires_at=NOW - timedelta(days=91))
    ended(issue, 91)
    said = prune().splitlines()
    assert "1 expired tokens older than 90 days deleted." in said
    assert "1 revoked tokens older than 90 days deleted." in said
    assert sorted(Token.objects.values_list("name", flat=True)) == ["expired lately", "revoked lately", "works"]
    assert Event.objects.get(identifier=gone.identifier).token is None
    answer = Client().get("/api/v1/token", headers=bearer(value)).json()
    assert answer["code"] == "unknown_token"
    diagnosis = troubleshoot.examine(owner, value, "192.0.2.1")
    for words in (answer["detail"], remedy("unknown_token").action, diagnosis.problems[0].action):
        assert "ended so long ago that it was deleted" in words
    assert signed_in(owner).get(f"/settings/activity/?token={gone.identifier}").status_code == 200


def test_what_hangs_on_a_deleted_token_goes_with_it(issue: Issue) -> None:
    gone = ended(issue, 91)
    kept, _ = issue(name="kept", expires_at=NOW + timedelta(days=1))
    IdempotencyKey.objects.create(token=kept, key="k", fingerprint="0" * 64, made=gone, at=NOW)
    DayCount.objects.create(token=gone, day=NOW.date(), status_class=2, last_at=NOW)
    Notice.objects.create(token=gone, kind=Notice.Kind.USED_REVOKED)
    Token.objects.filter(pk=kept.pk).update(renewed_from=gone)
    prune()
    kept.refresh_from_db()
    assert kept.renewed_from is None
    assert not IdempotencyKey.objects.exists()
    assert not DayCount.objects.exists()
    assert not Notice.objects.exists()


def test_tokens_made_with_a_deleted_one_are_its_makers(issue: Issue) -> None:
    """So that whoever revokes the first token still finds the last, however many between them are gone."""
    first, _ = issue(name="first", expires_at=NOW + timedelta(days=1))
    between = first
    for _ in range(3):
        between = ended(issue, 91, request=program(between))
    issue(name="last", expires_at=NOW + timedelta(days=1), request=program(between))
    prune()
    last = Token.objects.get(name="last")
    assert last.made_by == first
    assert Token.objects.count() == 2


def test_tokens_made_with_a_deleted_one_are_its_successors(issue: Issue) -> None:
    """A renewal is the same credential: what the predecessor made is still found through the token in use."""
    first, _ = issue(name="first", expires_at=NOW + timedelta(days=1))
    old, _ = issue(name="old", expires_at=NOW - timedelta(days=92), request=program(first))
    issue(name="last", expires_at=NOW + timedelta(days=1), request=program(old))
    between, _ = issue(name="between", expires_at=NOW - timedelta(days=91))
    in_use, _ = issue(name="in use", expires_at=NOW + timedelta(days=1))
    for successor, predecessor in ((ended(issue, 1, "lost"), old), (between, old), (in_use, between)):
        Token.objects.filter(pk=successor.pk).update(renewed_from=predecessor, made_by=first)
    prune()
    assert not Token.objects.filter(pk__in=[old.pk, between.pk]).exists()
    assert Token.objects.get(name="last").made_by == in_use
    with time_machine.travel(NOW, tick=False):
        assert [token.name for token in in_use.still_made] == ["last"]
        assert {token.name for token in first.still_made} == {"in use", "last"}


def test_notices(issue: Issue) -> None:
    token, _ = issue()
    for address, days in {"192.0.2.1": 91, "192.0.2.2": 89}.items():
        made_at = NOW - timedelta(days=days)
        Notice.objects.create(token=token, kind=Notice.Kind.NEW_ADDRESS, detail=address, made_at=made_at)
    assert "1 notices older than 90 days deleted." in prune().splitlines()
    assert Notice.objects.get().detail == "192.0.2.2"


def test_mails_that_were_not_sent(owner: User) -> None:
    for kind, age in {"kept": timedelta(days=90), "gone": timedelta(days=90) + TICK}.items():
        Notification.objects.create(user=owner, kind=kind, to=owner.email, made_at=NOW - age, due_at=None)
    assert "1 mails that were not sent older than 90 days deleted." in prune().splitlines()
    assert Notification.objects.get().kind == "kept"


def test_where_people_were_signed_in(owner: User) -> None:
    for key, age in {"kept": timedelta(days=31), "gone": timedelta(days=31) + TICK}.items():
        UserSession.objects.create(user=owner, ip="192.0.2.1", session_key=key, created_at=NOW - age)
    assert "1 sessions on lists older than 31 days deleted." in prune().splitlines()
    assert UserSession.objects.get().session_key == "kept"


def test_a_token_that_is_being_used_is_deleted_all_the_same(issue: Issue) -> None:
    token = ended(issue, 91)
    recorder.record(a_call(token, NOW, denial=denial.unknown_token()))
    prune()
    recorder.flush()
    assert not RecentRequest.objects.exists()


@pytest.mark.parametrize(("name", "index"), [("expired tokens", "token_expires"), ("revoked tokens", "token_revoked")])
def test_tokens_are_found_by_an_index(issue: Issue, name: str, index: str) -> None:
    owner_pk = issue()[0].owner_id
    Token.objects.bulk_create(
        Token(
            owner_id=owner_pk, name="", environment="live", identifier=f"tkn_live_{n:015d}", digest="",
            pepper=1, expires_at=NOW + timedelta(days=n), revoked_at=NOW + timedelta(days=n) if n % 2 else None,
        )
        for n in range(1000)
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    (rule,) = (rule for rule in retention.RULES if rule.name == name)
    assert index in rule.old.values_list("pk", flat=True)[:10].explain()
