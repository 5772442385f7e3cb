"""A clock that was ahead for a while leaves nothing that waits for that time to come."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from accounts.middleware import SEEN_AT
from accounts.models import Notification as AccountNotification
from accounts.models import User
from accounts.receivers import STARTED_AT
from tests.accounts.test_reauthentication import CREATE, TYPED
from tests.conftest import Issue, signed_in
from tests.records import a_record
from tokens.models import DayCount, HourCount, IdempotencyKey, Notification, Token
from tokens.notifications import outbox
from tokens.templatetags.tokens_times import ago, from_now
from tokens.usage import count_rows
from tokens.usage.count_rows import CountRows
from tokens.usage.recorder import Recorder, recorder

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
AHEAD = timedelta(days=100)


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    """The clock is ahead, and comes back by `clock.move_to(NOW)`."""
    with time_machine.travel(NOW + AHEAD, tick=False) as travelled:
        yield travelled


def use(recorder: Recorder, token: Token, at: datetime) -> datetime | None:
    """Use the token then, and return its last use."""
    recorder.record(a_record(token, at))
    recorder.flush()
    token.refresh_from_db()
    return token.last_used_at


@pytest.mark.parametrize("ahead", [timedelta(minutes=2), timedelta(hours=2), AHEAD])
@pytest.mark.parametrize("same", [True, False], ids=["the same node", "another node"])
def test_last_use(issue: Issue, clock: Any, ahead: timedelta, same: bool) -> None:
    token, _ = issue(expires_at=NOW + 2 * AHEAD)
    first = Recorder()
    clock.move_to(NOW + ahead)
    assert use(first, token, NOW + ahead) == NOW + ahead
    clock.move_to(NOW)
    assert use(first if same else Recorder(), token, NOW) == NOW
    assert list(DayCount.objects.filter(day=NOW.date()).values_list("last_at", flat=True)) == [NOW]


def test_the_latest_count_of_the_same_day(issue: Issue, clock: Any) -> None:
    token, _ = issue(expires_at=NOW + 2 * AHEAD)
    for at in (NOW + timedelta(hours=2), NOW):
        clock.move_to(at)
        use(recorder, token, at)
    assert DayCount.objects.get().last_at == NOW


def test_what_waited_while_the_clock_came_back_is_of_now(issue: Issue, clock: Any) -> None:
    token, _ = issue(expires_at=NOW + 2 * AHEAD)
    recorder.record(a_record(token, NOW + AHEAD))
    clock.move_to(NOW)
    recorder.flush()
    token.refresh_from_db()
    assert (token.last_used_at, HourCount.objects.get().hour) == (NOW, NOW)


def test_requests_out_of_order_are_no_jump(issue: Issue, clock: Any) -> None:
    token, _ = issue(expires_at=NOW + 2 * AHEAD)
    assert use(recorder, token, NOW) == NOW
    clock.move_to(NOW + timedelta(seconds=1))
    assert use(recorder, token, NOW - timedelta(seconds=30)) == NOW


def test_callers_are_told_apart_again(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    token, _ = issue(expires_at=NOW + 2 * AHEAD)
    monkeypatch.setattr(count_rows, "MAX_CALLERS_PER_DAY", 1)
    rows = CountRows()
    for at, address in ((NOW + AHEAD, "192.0.2.1"), (NOW, "192.0.2.2")):
        _, key = next(rows.rows(a_record(token, at, address), token.pk, at, "curl"))
        assert key[2] == address


def test_pages_say_just_now_of_what_has_happened(clock: Any) -> None:
    clock.move_to(NOW)
    assert ">just now<" in ago(NOW + AHEAD)
    assert ">in 100 days<" in from_now(NOW + AHEAD)


@pytest.mark.parametrize(("seconds", "stays"), [(3600, True), (100 * 86_400, False)])
def test_a_session_ends_as_long_after_as_any(
    owner: User, clock: Any, seconds: int, stays: bool
) -> None:
    clock.move_to(NOW)
    client = signed_in(owner)
    session = client.session
    session[STARTED_AT] = session[SEEN_AT] = NOW.timestamp() + seconds
    session.save()
    assert (client.get("/settings/profile/").status_code == 200) == stays
    if stays:
        assert client.session[SEEN_AT] == NOW.timestamp()


@pytest.mark.parametrize(
    ("seconds", "asked"), [(-60, False), (-3600, True), (60, False), (3600, True)]
)
def test_who_signed_in_while_it_was_ahead_is_asked_again(
    owner: User, clock: Any, seconds: int, asked: bool
) -> None:
    clock.move_to(NOW)
    answer = signed_in(owner, -seconds).post(CREATE, TYPED)
    assert answer.status_code == (302 if asked else 200)


def test_a_mail_that_failed_then_is_tried_again_now(owner: User, clock: Any) -> None:
    mail = AccountNotification.objects.create(user=owner, kind="x", to=owner.email)
    mail.claim(NOW + AHEAD)
    mail.fail("no", NOW + AHEAD)
    clock.move_to(NOW)
    mail.refresh_from_db()
    assert list(AccountNotification.objects.due(NOW)) == [mail]
    mail.claim(NOW)
    assert list(AccountNotification.objects.due(NOW)) == []


def test_notices(issue: Issue, clock: Any) -> None:
    """One that was taken then is free; one that was sent then holds no other back."""
    clock.move_to(NOW)
    token, other = issue()[0], issue()[0]
    mine, sent = (
        Notification.objects.create(token=each, kind="created") for each in (token, other)
    )
    Notification.objects.filter(pk=mine.pk).update(claimed_at=NOW + AHEAD)
    Notification.objects.filter(pk=sent.pk).update(made_at=NOW + AHEAD, sent_at=NOW + AHEAD)
    assert Notification.objects.claim([mine], NOW) == [mine]
    assert Notification.objects.claim([mine], NOW) == []
    assert not outbox.waiting_event_mails(NOW).filter(outbox.mailed_recently(NOW)).exists()


def test_reminders(issue: Issue, clock: Any) -> None:
    clock.move_to(NOW)
    token, _ = issue(expires_at=NOW + timedelta(days=7))
    Token.objects.update(created_at=NOW - timedelta(days=83))
    Notification.objects.create(token=issue()[0], kind="expires_7", sent_at=NOW + AHEAD)
    assert list(outbox.due_by_owner(NOW)) == [token.owner_id]
    assert [
        [notification.token for notification in theirs]
        for theirs in outbox.claim_due_reminders([token.owner_id], NOW)
    ] == [[token]]


@pytest.mark.parametrize(
    ("at", "known"), [(NOW - timedelta(hours=23), True), (NOW + AHEAD, False)]
)
def test_an_idempotency_key(issue: Issue, clock: Any, at: datetime, known: bool) -> None:
    clock.move_to(NOW)
    token, _ = issue()
    IdempotencyKey.objects.create(token=token, key="k", fingerprint="f", made=token, at=at)
    made = IdempotencyKey.objects.made_before(token, "k", "f")
    assert (made == token) is known
