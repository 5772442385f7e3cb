"""`manage.py prune` deletes tokens that ended long ago, and the rows that belong to them."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client

from accounts.models import User
from tests.conftest import Issue, bearer, signed_in
from tests.management.test_prune import NOW, prune
from tests.records import a_record, program
from tokens.models import (
    DayCount,
    Event,
    IdempotencyKey,
    Notification,
    RecentRequest,
    Token,
)
from tokens.problems import problem
from tokens.problems.catalog import remedy
from tokens.troubleshooting import report
from tokens.usage import retention
from tokens.usage.recorder import recorder


def ended(issue: Issue, days: int, name: str = "ended", **changes: object) -> Token:
    """Return a token that was revoked `days` days ago."""
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
    assert sorted(Token.objects.values_list("name", flat=True)) == [
        "expired lately",
        "revoked lately",
        "works",
    ]
    assert Event.objects.get(identifier=gone.identifier).token is None
    answer = Client().get("/api/v1/token", headers=bearer(value)).json()
    assert answer["code"] == "unknown_token"
    diagnosis = report.diagnose(owner, value, "192.0.2.1")
    for words in (answer["detail"], remedy("unknown_token").action, diagnosis.problems[0].action):
        assert "ended so long ago that it was deleted" in words
    assert signed_in(owner).get(f"/settings/activity/?token={gone.identifier}").status_code == 200


def test_rows_of_a_deleted_token_are_deleted(issue: Issue) -> None:
    gone = ended(issue, 91)
    kept, _ = issue(name="kept", expires_at=NOW + timedelta(days=1))
    IdempotencyKey.objects.create(token=kept, key="k", fingerprint="0" * 64, made=gone, at=NOW)
    DayCount.objects.create(token=gone, day=NOW.date(), status_class=2, last_at=NOW)
    Notification.objects.create(token=gone, kind=Notification.Kind.USED_REVOKED)
    Token.objects.filter(pk=kept.pk).update(renewed_from=gone)
    prune()
    kept.refresh_from_db()
    assert kept.renewed_from is None
    assert not IdempotencyKey.objects.exists()
    assert not DayCount.objects.exists()
    assert not Notification.objects.exists()


def test_the_maker_of_a_deleted_token_inherits_its_tokens(issue: Issue) -> None:
    """Otherwise the first token would lose its descendants when a token between is deleted."""
    first, _ = issue(name="first", expires_at=NOW + timedelta(days=1))
    between = first
    for _ in range(3):
        between = ended(issue, 91, actor=program(between))
    issue(name="last", expires_at=NOW + timedelta(days=1), actor=program(between))
    prune()
    last = Token.objects.get(name="last")
    assert last.made_by == first
    assert Token.objects.count() == 2


def test_the_successor_of_a_deleted_token_inherits_its_tokens(issue: Issue) -> None:
    """A renewed token is the same credential, so its descendants are found by the successor."""
    first, _ = issue(name="first", expires_at=NOW + timedelta(days=1))
    old, _ = issue(name="old", expires_at=NOW - timedelta(days=92), actor=program(first))
    issue(name="last", expires_at=NOW + timedelta(days=1), actor=program(old))
    between, _ = issue(name="between", expires_at=NOW - timedelta(days=91))
    in_use, _ = issue(name="in use", expires_at=NOW + timedelta(days=1))
    for successor, predecessor in (
        (ended(issue, 1, "lost"), old),
        (between, old),
        (in_use, between),
    ):
        Token.objects.filter(pk=successor.pk).update(renewed_from=predecessor, made_by=first)
    prune()
    assert not Token.objects.filter(pk__in=[old.pk, between.pk]).exists()
    assert Token.objects.get(name="last").made_by == in_use
    with time_machine.travel(NOW, tick=False):
        assert [token.name for token in in_use.active_descendants] == ["last"]
        assert {token.name for token in first.active_descendants} == {"in use", "last"}


def test_a_token_that_is_being_used_is_deleted_too(issue: Issue) -> None:
    token = ended(issue, 91)
    recorder.record(a_record(token, NOW, problem=problem.unknown_token()))
    prune()
    recorder.flush()
    assert not RecentRequest.objects.exists()


@pytest.mark.parametrize(
    ("name", "index"), [("expired tokens", "token_expires"), ("revoked tokens", "token_revoked")]
)
def test_tokens_are_found_by_an_index(issue: Issue, name: str, index: str) -> None:
    owner_pk = issue()[0].owner_id
    Token.objects.bulk_create(
        Token(
            owner_id=owner_pk, name="", environment="live", identifier=f"tkn_live_{n:015d}",
            digest="", pepper=1, expires_at=NOW + timedelta(days=n),
            revoked_at=NOW + timedelta(days=n) if n % 2 else None,
        )
        for n in range(1000)
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    (rule,) = (rule for rule in retention.RULES if rule.name == name)
    assert index in rule.old_rows.values_list("pk", flat=True)[:10].explain()
