"""Mails to approvers when the mail server fails, or refuses an address."""

from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue
from tokens.models import Actor, Scope, ScopeRequest, TokenPolicy
from tokens.notifications.approval_mails import send_approval_mails
from tokens.notifications.mail_server import MailServer

FIRST, SECOND = "a@example.com", "b@example.com"
send = MailServer.send


@pytest.fixture(autouse=True)
def two_requests(issue: Issue, owner: User) -> None:
    """Make two approvers, and two tokens that wait for them."""
    Scope.objects.create(name="a:write", words="Write")
    leads = Group.objects.create(name="Leads")
    for address in (FIRST, SECOND):
        User.objects.create_user(email=address, password="").groups.add(leads)
    TokenPolicy.objects.create(name="Writers", approval_scopes="a:write", approvers=leads)
    for name in ("one", "two"):
        issue(name=name, scopes=["a:write"], actor=Actor(owner))


def fail_at(monkeypatch: pytest.MonkeyPatch, failures: dict[str, Exception]) -> None:
    """Let the mail server fail for some addresses."""

    def try_to_send(server: MailServer, message: mail.EmailMultiAlternatives) -> None:
        if error := failures.get(message.to[0]):
            raise error
        send(server, message)

    monkeypatch.setattr(MailServer, "send", try_to_send)


def unsent() -> int:
    return ScopeRequest.objects.filter(mailed_at=None).count()


@pytest.mark.parametrize(
    "error", [SMTPRecipientsRefused({}), UnicodeEncodeError("ascii", "ü", 0, 1, "no")]
)
def test_a_refused_address_stops_no_other_mail(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    fail_at(monkeypatch, {FIRST: error})
    assert send_approval_mails(timezone.now()) == 2
    assert [message.to for message in mail.outbox] == [[SECOND], [SECOND]]
    assert (unsent(), send_approval_mails(timezone.now())) == (0, 0)


def test_a_request_that_nobody_was_told_about_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fail_at(monkeypatch, {FIRST: SMTPRecipientsRefused({}), SECOND: SMTPRecipientsRefused({})})
    assert (send_approval_mails(timezone.now()), unsent()) == (0, 2)


def test_a_server_that_is_away_is_asked_three_times_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries = 0

    def fail(*_: object) -> None:
        nonlocal tries
        tries += 1
        raise SMTPServerDisconnected

    monkeypatch.setattr(EmailBackend, "send_messages", fail)
    assert (send_approval_mails(timezone.now()), unsent(), tries) == (0, 2, 3)
    monkeypatch.undo()
    assert (send_approval_mails(timezone.now()), unsent()) == (4, 0)
