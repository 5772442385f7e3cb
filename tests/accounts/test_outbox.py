"""Account mails: no page waits for the mail server or fails with it; no secret is stored."""

import re
from datetime import timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import mails, outbox
from accounts.models import Notification, User
from tests.conftest import forget_tries, signed_in
from tests.server import PASSWORD

RESET = "/accounts/password/reset/"
SIGN_UP = "/accounts/signup/"
NEW_PERSON = {"password1": PASSWORD}
NEW_PASSWORD = {
    "oldpassword": PASSWORD,
    "password1": "quite another",
    "password2": "quite another",
}
OTHER_ADDRESS = {"action_add": "", "email": "other@example.com"}
REFUSED = SMTPSenderRefused(
    553, b"5.7.1 Sender address rejected: not owned by user", "tokenry@localhost"
)
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
    pages = [
        (Client(), RESET, {"email": owner.email}, mails.RESET),
        (Client(), SIGN_UP, {**NEW_PERSON, "email": "new@example.com"}, mails.CONFIRM_SIGN_UP),
        (Client(), SIGN_UP, {**NEW_PERSON, "email": owner.email}, mails.EXISTS),
        (
            admin_client,
            "/admin/accounts/user/add/",
            {"email": "ada@example.com", "name": ""},
            mails.INVITATION,
        ),
        (owner_client, "/accounts/email/", OTHER_ADDRESS, mails.CONFIRM),
        (
            owner_client,
            "/accounts/password/change/",
            NEW_PASSWORD,
            "account/email/password_changed",
        ),
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
    owner_client.post("/accounts/email/", OTHER_ADDRESS)
    assert [row.facts for row in Notification.objects.all()] == [{}, {}]
    server.failure = None
    Notification.objects.update(due_at=timezone.now())
    outbox.send_due()
    for message in mail.outbox:
        assert Client().get(link_in(message), follow=True).status_code == 200


def test_a_mail_is_tried_a_few_times(
    server: Server, owner: User, caplog: pytest.LogCaptureFixture
) -> None:
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
    assert (
        caplog.messages[-1] == f"a mail to {owner.email} could not be sent, try 6: {row.problem}"
    )
    Client().post(RESET, {"email": owner.email})  # whoever asks again has it tried again
    assert Notification.objects.get().tries == 1


def test_a_mail_that_waits_is_sent_once_however_often_it_was_asked_for(
    server: Server, owner: User
) -> None:
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
    assert (mine.claim(timezone.now()), theirs.claim(timezone.now())) == (True, False)
    theirs.fail("late", timezone.now())
    row.refresh_from_db()
    assert (row.tries, row.problem) == (1, "")
    assert not Notification.objects.due(timezone.now()).exists()
    assert Notification.objects.due(timezone.now() + Notification.CLAIM_TIMEOUT).exists()


def test_one_refused_address_stops_nobody_else(
    server: Server, owner: User, teammate: User
) -> None:
    server.failure = SMTPRecipientsRefused({owner.email: (550, b"No such user")})
    for user in (owner, teammate):
        Notification.objects.create(user=user, kind=mails.RESET, to=user.email)
    outbox.send_due()
    assert server.tried == 2


@pytest.mark.parametrize("failure", [AWAY, REFUSED])
def test_a_server_out_of_reach_is_asked_once(
    server: Server, failure: Exception, owner: User, teammate: User
) -> None:
    server.failure = failure
    for user in (owner, teammate):
        Notification.objects.create(user=user, kind=mails.RESET, to=user.email)
    outbox.send_due()
    assert server.tried == 1


def test_servers_quote_links(
    server: Server, owner: User, caplog: pytest.LogCaptureFixture
) -> None:
    def quote(backend: EmailBackend, messages: list[EmailMessage]) -> int:
        raise SMTPDataError(554, f"5.7.1 listed: {link_in(messages[0])}".encode())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EmailBackend, "send_messages", quote)
        Client().post(RESET, {"email": owner.email})
    assert Notification.objects.get().problem == "554 5.7.1 listed: [link]"
    assert "/reset/key/" not in caplog.text


def test_what_is_over_is_not_sent(server: Server, owner: User, owner_client: Client) -> None:
    server.failure = AWAY
    owner_client.post("/accounts/email/", OTHER_ADDRESS)
    EmailAddress.objects.filter(email="other@example.com").update(verified=True)
    server.failure = None
    Notification.objects.filter(kind=mails.CONFIRM).update(due_at=timezone.now())
    tried: list[bool] = []

    def count(sent: bool, **kwargs: object) -> None:
        tried.append(sent)

    outbox.mail_tried.connect(count)
    outbox.send_due()
    assert mail.outbox == []
    assert tried == []
    assert not Notification.objects.filter(kind=mails.CONFIRM).exists()


def test_notices_say_when_in_the_persons_own_zone(
    server: Server, owner: User, owner_client: Client
) -> None:
    User.objects.update(time_zone="Asia/Tokyo")
    with time_machine.travel("2026-11-22 17:15Z", tick=False):
        signed_in(owner).post("/accounts/password/change/", NEW_PASSWORD)
    assert "23 November 2026, 02:15 JST" in str(mail.outbox[0].body)
