"""Mails about accounts: no page waits for the mail server, fails with it, or has a secret kept in the database."""

import re
from datetime import timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused
from threading import BoundedSemaphore
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import mails, outbox
from accounts.models import Notification, User
from tests.conftest import IN_BACKGROUND, LOOK_AGAIN, SEND_SOON, forget_tries, signed_in
from tests.run import patience, until
from tests.server import PASSWORD

RESET = "/accounts/password/reset/"
REFUSED = SMTPSenderRefused(553, b"5.7.1 Sender address rejected: not owned by user", "tokenry@localhost")
AWAY = ConnectionRefusedError(111, "Connection refused")
FAILURES: list[Exception] = [
    REFUSED,
    AWAY,
    TimeoutError("timed out"),
    SMTPRecipientsRefused({"owner@example.com": (550, b"5.1.1 No such user")}),
    ValueError("something of ours"),
]
each_failure = pytest.mark.parametrize("failure", FAILURES, ids=lambda error: type(error).__name__)


class Server:
    """A mail server that answers with `failure` as long as there is one."""

    failure: Exception | None = None
    tried = 0


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch, db: None) -> Server:
    made, send = Server(), EmailBackend.send_messages

    def try_to_send(backend: EmailBackend, messages: Any) -> int:
        made.tried += 1
        if made.failure:
            raise made.failure
        return send(backend, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", try_to_send)
    forget_tries()
    return made


@pytest.fixture
def open_to_all(settings: Settings) -> None:
    settings.SIGNUP_OPEN = True


def link_in(message: Any) -> str:
    found = re.search(r"http://localhost:8000/accounts/\S+", str(message.body))
    assert found
    return found[0]


@each_failure
@pytest.mark.usefixtures("open_to_all")
def test_no_page_fails_with_the_mail_server(
    server: Server, failure: Exception, owner: User, owner_client: Client, admin_client: Client
) -> None:
    server.failure = failure
    new = {"oldpassword": PASSWORD, "password1": "quite another", "password2": "quite another"}
    pages = [
        (Client(), RESET, {"email": owner.email}, mails.RESET),
        (Client(), "/accounts/signup/", {"email": "new@example.com", "password1": PASSWORD}, mails.CONFIRM_SIGN_UP),
        (Client(), "/accounts/signup/", {"email": owner.email, "password1": PASSWORD}, mails.EXISTS),
        (admin_client, "/admin/accounts/user/add/", {"email": "ada@example.com", "name": ""}, mails.INVITATION),
        (owner_client, "/accounts/email/", {"action_add": "", "email": "other@example.com"}, mails.CONFIRM),
        (owner_client, "/accounts/password/change/", new, "account/email/password_changed"),
    ]
    for client, path, form, kind in pages:
        assert client.post(path, form).status_code == 302
        assert Notification.objects.get(kind=kind).problem
    assert mail.outbox == []
    server.failure = None
    Notification.objects.update(due_at=timezone.now())
    outbox.send_due()
    assert len(mail.outbox) == len(pages)
    assert not Notification.objects.exists()


def test_no_secret_is_in_the_database(server: Server, owner: User, owner_client: Client) -> None:
    server.failure = AWAY
    Client().post(RESET, {"email": owner.email})
    owner_client.post("/accounts/email/", {"action_add": "", "email": "other@example.com"})
    assert [row.facts for row in Notification.objects.all()] == [{}, {}]
    server.failure = None
    Notification.objects.update(due_at=timezone.now())
    outbox.send_due()
    for message in mail.outbox:
        assert Client().get(link_in(message), follow=True).status_code == 200


def test_a_mail_is_tried_a_few_times(server: Server, owner: User, caplog: pytest.LogCaptureFixture) -> None:
    server.failure = REFUSED
    with time_machine.travel("2026-11-22 12:00Z", tick=False) as clock:
        Client().post(RESET, {"email": owner.email})
        for number, wait in enumerate(Notification.RETRIES, start=1):
            clock.shift(wait - timedelta(seconds=1))
            outbox.send_due()
            assert server.tried == number
            clock.shift(timedelta(seconds=1))
            outbox.send_due()
        clock.shift(timedelta(days=30))
        outbox.send_due()
    row = Notification.objects.get()
    assert (row.due_at, row.tries, server.tried) == (None, 6, 6)
    assert row.problem == "553 5.7.1 Sender address rejected: not owned by user"
    assert caplog.messages[-1] == f"a mail to {owner.email} could not be sent, try 6: {row.problem}"
    Client().post(RESET, {"email": owner.email})  # whoever asks again has it tried again
    assert Notification.objects.get().tries == 1


def test_a_mail_that_waits_is_sent_once_however_often_it_was_asked_for(server: Server, owner: User) -> None:
    server.failure = AWAY
    for _ in range(3):
        Client().post(RESET, {"email": owner.email})
    server.failure = None
    Notification.objects.update(due_at=timezone.now())
    outbox.send_due()
    assert [message.to for message in mail.outbox] == [[owner.email]]


def test_of_two_senders_one_sends(owner: User) -> None:
    row = Notification.objects.create(user=owner, kind=mails.RESET, to=owner.email)
    mine, theirs = Notification.objects.get(), Notification.objects.get()
    assert (mine.take(timezone.now()), theirs.take(timezone.now())) == (True, False)
    theirs.fail("late", timezone.now())
    row.refresh_from_db()
    assert (row.tries, row.problem) == (1, "")
    assert not Notification.objects.due(timezone.now()).exists()
    assert Notification.objects.due(timezone.now() + Notification.LEASE).exists()


def test_one_refused_address_stops_nobody_else(server: Server, owner: User, teammate: User) -> None:
    server.failure = SMTPRecipientsRefused({owner.email: (550, b"No such user")})
    for user in (owner, teammate):
        Notification.objects.create(user=user, kind=mails.RESET, to=user.email)
    outbox.send_due()
    assert server.tried == 2


@pytest.mark.parametrize("failure", [AWAY, REFUSED])
def test_a_server_out_of_reach_is_asked_once(server: Server, failure: Exception, owner: User, teammate: User) -> None:
    server.failure = failure
    for user in (owner, teammate):
        Notification.objects.create(user=user, kind=mails.RESET, to=user.email)
    outbox.send_due()
    assert server.tried == 1


def test_servers_quote_links(server: Server, owner: User, caplog: pytest.LogCaptureFixture) -> None:
    def quote(backend: EmailBackend, messages: list[EmailMessage]) -> int:
        raise SMTPDataError(554, f"5.7.1 listed: {link_in(messages[0])}".encode())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EmailBackend, "send_messages", quote)
        Client().post(RESET, {"email": owner.email})
    assert Notification.objects.get().problem == "554 5.7.1 listed: [link]"
    assert "/reset/key/" not in caplog.text


def test_what_is_over_is_not_sent(server: Server, owner: User, owner_client: Client) -> None:
    server.failure = AWAY
    owner_client.post("/accounts/email/", {"action_add": "", "email": "other@example.com"})
    EmailAddress.objects.filter(email="other@example.com").update(verified=True)
    server.failure = None
    Notification.objects.filter(kind=mails.CONFIRM).update(due_at=timezone.now())
    outbox.send_due()
    assert mail.outbox == []
    assert not Notification.objects.filter(kind=mails.CONFIRM).exists()


def test_notices_say_when_in_the_persons_own_zone(server: Server, owner: User, owner_client: Client) -> None:
    User.objects.update(time_zone="Asia/Tokyo")
    new = {"oldpassword": PASSWORD, "password1": "quite another", "password2": "quite another"}
    with time_machine.travel("2026-11-22 17:15Z", tick=False):
        signed_in(owner).post("/accounts/password/change/", new)
    assert "23 November 2026, 02:15 JST" in str(mail.outbox[0].body)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sent_of_what_is_rolled_back(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
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
    monkeypatch.setattr(outbox, "PAUSE_SECONDS", 0.0)
    assert Client().post(RESET, {"email": owner.email}).status_code == 302

    def sent() -> None:
        assert [message.to for message in mail.outbox] == [[owner.email]]
        assert not Notification.objects.exists()

    until(sent, AssertionError)


def test_what_waits_in_memory_is_bounded(
    owner: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outbox, "in_background", IN_BACKGROUND)
    monkeypatch.setattr(outbox, "places", BoundedSemaphore(1))
    outbox.places.acquire()
    assert Client().post(RESET, {"email": owner.email}).status_code == 302
    assert caplog.messages == ["too much waits in the outbox of accounts: send_reset is dropped"]


@pytest.mark.django_db(transaction=True)
def test_work_that_fails_is_logged_and_frees_its_place(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outbox, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(outbox, "places", BoundedSemaphore(1))

    def broken() -> None:
        raise ValueError("nonsense")

    IN_BACKGROUND(broken)
    until(lambda: caplog.messages.index("broken failed"), ValueError)
    assert outbox.places.acquire(timeout=patience(3))


def test_one_look_at_a_time_is_planned(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    planned: list[Any] = []

    class Timer:
        def __init__(self, *arguments: Any) -> None:
            planned.append(arguments)

        def start(self) -> None: ...

    monkeypatch.setattr(outbox, "Timer", Timer)
    monkeypatch.setattr(outbox, "next_look", 0.0)
    LOOK_AGAIN()
    assert planned == []  # nothing waits
    Notification.objects.create(user=owner, kind=mails.RESET, to=owner.email)
    for _ in range(3):
        LOOK_AGAIN()
    assert planned == [(outbox.LOOK_SECONDS, outbox.in_background, (outbox.send_due,))]
