"""The outbox: each notification is sent once, and again if it failed; one mail holds many."""

from concurrent.futures import ThreadPoolExecutor
from smtplib import SMTPServerDisconnected

import pytest
import time_machine
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue
from tests.models.test_concurrency import at_once
from tests.notifications.test_receivers import by, subjects
from tests.run import patience
from tokens.models import Notification
from tokens.notifications import outbox
from tokens.notifications.outbox import send_event_mails

pytestmark = pytest.mark.django_db(transaction=True)  # signals are sent after the commit


def test_a_claimed_notification_cannot_be_claimed_again(issue: Issue) -> None:
    issue()
    issue()
    now = timezone.now()
    both_see = list(Notification.objects.waiting(now))
    assert len(Notification.objects.claim(both_see, now)) == 2
    assert Notification.objects.claim(both_see, now) == []


def test_of_many_senders_one_sends(issue: Issue) -> None:
    for number in range(5):
        issue(name=str(number))
    counts = at_once(
        lambda _: str(sum(len(sent.notifications) for sent in send_event_mails(timezone.now())))
    )
    assert sum(int(many) * threads for many, threads in counts.items()) == 5
    assert sum(str(message.body).count("tkn_live_") // 2 for message in mail.outbox) == 5


def test_what_fails_is_tried_again(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    issue()

    def fail(*_: object) -> None:
        raise SMTPServerDisconnected("gone")

    with monkeypatch.context() as broken:
        broken.setattr(EmailBackend, "send_messages", fail)
        assert subjects() == []
    assert Notification.objects.get().problem == "gone"
    call_command("send_expiry_reminders", verbosity=0)
    assert Notification.objects.get().problem == ""
    assert [message.subject for message in mail.outbox] == ["“Production API” was created"]


@pytest.mark.parametrize(
    ("error", "ours"), [(SMTPServerDisconnected("gone"), False), (ValueError("broken"), True)]
)
def test_an_error_in_our_code_is_logged_with_a_traceback(
    issue: Issue,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    ours: bool,
) -> None:
    issue()

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(EmailBackend, "send_messages", fail)
    send_event_mails(timezone.now())
    [record] = [
        record for record in caplog.records if record.name == "tokens.notifications.sending"
    ]
    assert bool(record.exc_info) == ours


def test_the_thread_sends_and_survives_errors(
    issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue()

    def send_in_worker() -> object:
        return outbox.worker.submit(outbox._send_in_thread).result(timeout=patience(6))

    with monkeypatch.context() as broken:
        broken.setattr(outbox, "send_event_mails", lambda _: 1 / 0)
        send_in_worker()
    send_in_worker()
    assert [message.subject for message in mail.outbox] == ["“Production API” was created"]


def test_while_tests_run_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    submitted: list[object] = []
    monkeypatch.setattr(outbox.worker, "submit", submitted.append)
    outbox.send_event_mails_soon()
    assert submitted == []
    monkeypatch.setattr(outbox, "is_test_run", lambda: False)
    outbox.send_event_mails_soon()
    assert submitted == [outbox._send_in_thread]


@pytest.mark.parametrize("fails", [False, True])
def test_the_thread_keeps_no_connection(monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    """Otherwise each process would hold a connection to PostgreSQL all the time."""

    def work(_: object) -> None:
        connection.ensure_connection()
        if fails:
            raise ValueError

    def send() -> bool:
        outbox._send_in_thread()
        return connection.connection is None

    monkeypatch.setattr(outbox, "send_event_mails", work)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(send).result()


def test_many_events_of_one_kind_come_in_one_mail(issue: Issue, owner: User) -> None:
    """The first comes at once, and the others some minutes later in one mail.

    Another kind of event does not wait.
    """
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        issue(name="first", actor=by(owner))
        assert subjects() == ["“first” was created"]
        for number in range(3):
            issue(name=f"next {number}", actor=by(owner))
        assert subjects() == []
        issue(name="other")[0].revoke(by(None))
        assert subjects() == ["“other” was revoked"]
        clock.shift(outbox.EVENT_MAIL_INTERVAL)
        assert subjects() == ["4 API tokens were created"]
        assert subjects() == []


def test_nobody_waits_for_the_mails_of_others(issue: Issue, owner: User, teammate: User) -> None:
    issue(actor=by(owner))
    assert len(subjects()) == 1
    issue(actor=by(owner))
    issue(owner=teammate, actor=by(teammate))
    assert subjects() == ["“Production API” was created"]
    assert mail.outbox[0].to == [teammate.email]


def test_a_timer_starts_if_notifications_wait(
    issue: Issue, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    timers: list[float] = []
    monkeypatch.setattr(outbox, "send_event_mails_after", timers.append)
    issue(actor=by(owner))
    outbox._send_in_thread()
    assert timers == []
    issue(actor=by(owner))
    outbox._send_in_thread()
    assert timers == [outbox.EVENT_MAIL_INTERVAL.total_seconds()]


def test_what_failed_is_tried_again_some_minutes_later(
    issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    timers: list[float] = []
    monkeypatch.setattr(outbox, "send_event_mails_after", timers.append)
    monkeypatch.setattr(EmailBackend, "send_messages", lambda *_: 1 / 0)
    issue()
    outbox._send_in_thread()
    assert timers == [outbox.EVENT_MAIL_INTERVAL.total_seconds()]


def test_one_timer_waits_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[None] = []
    monkeypatch.setattr(outbox, "send_event_mails_soon", lambda: calls.append(None))
    for _ in range(3):
        outbox.send_event_mails_after(3600)
    waiting = outbox.timer
    assert waiting.is_alive()
    waiting.cancel()
    waiting.join()
    outbox.send_event_mails_after(0)
    outbox.timer.join()
    assert len(calls) == 1
