"""tokens/teams/mails.py: the mail about an invitation."""

import logging
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.models import User
from tests.conftest import signed_in
from tokens.models import Actor, Team
from tokens.teams import mails

pytestmark = pytest.mark.django_db


def test_the_mail(team: Team, manager: User, outsider: User) -> None:
    invitation = team.invite("Outsider@example.com", "manager", Actor(user=manager))
    assert mails.send_invitation(invitation.pk)
    (sent,) = mail.outbox
    assert sent.to == ["outsider@example.com"]
    assert sent.subject == "Mia Manager invited you to the team “Billing CI”"
    assert "Manager of “Billing CI”" in sent.body
    assert "Accept or decline: http://localhost:8000/settings/teams/" in sent.body
    assert sent.extra_headers["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("email", ["absent@example.com", "away@example.com", "x@teams.invalid"])
def test_only_accounts_of_people_get_a_mail(team: Team, email: str) -> None:
    User.objects.create_user(email="away@example.com", is_active=False)
    Team.make("x", "X", {User.objects.get(email="away@example.com"): "manager"}, None)
    assert not mails.send_invitation(team.invite(email, "member", None).pk)
    assert not mail.outbox


def test_an_invitation_that_was_withdrawn(team: Team, outsider: User) -> None:
    invitation = team.invite(outsider.email, "member", None)
    team.withdraw(outsider.email, None)
    assert not mails.send_invitation(invitation.pk)
    assert not mail.outbox


@pytest.mark.parametrize("error", [OSError("no route"), RuntimeError("a bug")])
def test_a_mail_that_fails(
    team: Team,
    outsider: User,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    def fail(*args: Any) -> None:
        raise error

    monkeypatch.setattr(EmailBackend, "send_messages", fail)
    with caplog.at_level(logging.WARNING):
        assert not mails.send_invitation(team.invite(outsider.email, "member", None).pk)
    assert "a mail about an invitation could not be sent" in caplog.text
    assert bool(caplog.records[0].exc_info) is isinstance(error, RuntimeError)


def test_a_thread_sends_the_mail_after_the_commit(
    team: Team,
    manager: User,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    submitted: list[Any] = []
    monkeypatch.setattr(mails, "is_test_run", lambda: False)
    monkeypatch.setattr(mails.worker, "submit", lambda *work: submitted.append(work))
    fields = {"do": "invite", "email": "absent@example.com", "role": "member"}
    with django_capture_on_commit_callbacks() as callbacks:
        signed_in(manager).post("/settings/teams/billing-ci/", fields)
        assert not submitted
    for callback in callbacks:
        callback()
    assert [work[1] for work in submitted] == [team.invitations.get().pk]
