"""The thread that sends mails about accounts."""

from threading import BoundedSemaphore
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.test import Client

from accounts import mails, outbox
from accounts.models import Notification, User
from tests.accounts.test_outbox import RESET
from tests.conftest import CHECK_LATER, IN_BACKGROUND, SEND_SOON
from tests.run import patience, until


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sent_of_what_is_rolled_back(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(outbox, "in_background", asked.append)
    monkeypatch.setattr(outbox, "send_soon", SEND_SOON)
    with transaction.atomic():
        outbox.queue(owner, mails.RESET, owner.email)
        transaction.set_rollback(True)
    assert (asked, Notification.objects.count()) == ([], 0)
    outbox.queue(owner, mails.RESET, owner.email)
    assert asked == [outbox.send_due]


@pytest.mark.django_db(transaction=True)
def test_a_thread_sends(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "in_background", IN_BACKGROUND)
    monkeypatch.setattr(outbox, "DELAY_SECONDS", 0.0)
    assert Client().post(RESET, {"email": owner.email}).status_code == 302

    def sent() -> None:
        assert [message.to for message in mail.outbox] == [[owner.email]]
        assert not Notification.objects.exists()

    until(sent, AssertionError)


def test_what_waits_in_memory_is_bounded(
    owner: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outbox, "in_background", IN_BACKGROUND)
    monkeypatch.setattr(outbox, "task_slots", BoundedSemaphore(1))
    outbox.task_slots.acquire()
    assert Client().post(RESET, {"email": owner.email}).status_code == 302
    assert caplog.messages == [
        "too many tasks wait in the outbox of accounts: send_reset is dropped"
    ]


@pytest.mark.django_db(transaction=True)
def test_work_that_fails_is_logged_and_frees_its_place(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outbox, "DELAY_SECONDS", 0.0)
    monkeypatch.setattr(outbox, "task_slots", BoundedSemaphore(1))

    def broken() -> None:
        raise ValueError("nonsense")

    IN_BACKGROUND(broken)
    until(lambda: caplog.messages.index("broken failed"), ValueError)
    assert outbox.task_slots.acquire(timeout=patience(3))


def test_one_look_at_a_time_is_planned(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    planned: list[Any] = []

    class Timer:
        def __init__(self, *arguments: Any) -> None:
            planned.append(arguments)

        def start(self) -> None: ...

    monkeypatch.setattr(outbox, "Timer", Timer)
    monkeypatch.setattr(outbox, "next_check", 0.0)
    CHECK_LATER()
    assert planned == []  # nothing waits
    Notification.objects.create(user=owner, kind=mails.RESET, to=owner.email)
    for _ in range(3):
        CHECK_LATER()
    assert planned == [(outbox.CHECK_SECONDS, outbox.in_background, (outbox.send_due,))]
