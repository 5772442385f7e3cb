"""Mails about the tokens of a team: who gets them, and what they say."""

from collections.abc import Callable
from datetime import timedelta
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue, bearer
from tests.notifications import test_emails
from tests.notifications.test_emails import Mailbox
from tests.notifications.test_receivers import by, call_from
from tokens.models import Actor, MailChoices, Membership, Notification, Team, Token
from tokens.notifications import recipients
from tokens.notifications.outbox import send_event_mails
from tokens.notifications.receivers import notify_broken_policy
from tokens.usage.recorder import recorder

pytestmark = pytest.mark.django_db(transaction=True)  # signals are sent after the commit
mailbox = test_emails.mailbox
MEMBER, MANAGER = Membership.Role.MEMBER, Membership.Role.MANAGER
OWNER, TEAMMATE = "owner@example.com", "teammate@example.com"


@pytest.fixture
def team(owner: User, teammate: User) -> Team:
    return Team.make("billing-ci", "Billing", {owner: MANAGER, teammate: MEMBER})


@pytest.fixture
def make(issue: Issue, team: Team) -> Callable[..., Token]:
    """Return a function that makes a token of the team, whose mail is not sent."""

    def made(**changes: Any) -> Token:
        token, _ = issue(owner=team.account, name="CI", **changes)
        Notification.objects.all().delete()
        return token

    return made


def sent() -> list[tuple[str, set[str]]]:
    """Send the mails that wait. Return the subject and the recipients of each."""
    mail.outbox.clear()
    send_event_mails(timezone.now())
    return [(str(message.subject), set(message.recipients())) for message in mail.outbox]


def wants(team: Team, *emails: str) -> None:
    """Let only these members want mails."""
    team.memberships.update(wants_mails=False)
    team.memberships.filter(user__email__in=emails).update(wants_mails=True)


def test_each_member_gets_the_mail_and_sees_no_address(team: Team, issue: Issue) -> None:
    issue(owner=team.account, name="CI", actor=by(team.memberships.get(role=MEMBER).user))
    assert sent() == [("“CI” was created", {OWNER, TEAMMATE})]
    [message] = mail.outbox
    assert (message.to, set(message.bcc)) == ([], {OWNER, TEAMMATE})
    head, _, text = message.message().as_string().partition("\n\n")
    assert "To: undisclosed-recipients:;" in head
    assert OWNER not in head
    assert TEAMMATE not in head
    assert "team Billing (billing-ci)" in str(message.body)
    assert "How: by teammate@example.com" in str(message.body)
    assert " UTC\n" in str(message.body)
    html = str(message.alternatives[0][0])  # type: ignore[union-attr]
    assert "billing-ci" in html
    assert "invalid" not in text
    assert Notification.objects.get().sent_at
    assert sent() == []


def test_one_recipient_is_named(team: Team, issue: Issue) -> None:
    wants(team, TEAMMATE)
    issue(owner=team.account)
    sent()
    assert (mail.outbox[0].to, mail.outbox[0].bcc) == ([TEAMMATE], [])


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("teammate", "How: by teammate@example.com\n"),
        ("administrator", "How: by an administrator\n"),
        ("nobody", "How: by somebody who holds its value\n"),
        (None, "How: on the command line\n"),
    ],
)
def test_revoked(
    make: Callable[..., Token],
    teammate: User,
    administrator: User,
    who: str | None,
    words: str,
) -> None:
    people = {"teammate": teammate, "administrator": administrator, "nobody": None}
    make().revoke(by(people[who]) if who else None)
    assert sent() == [("“CI” was revoked", {OWNER, TEAMMATE})]
    assert words in str(mail.outbox[0].body)


def test_a_token_that_revokes_itself_needs_no_mail(make: Callable[..., Token]) -> None:
    token = make()
    token.revoke(Actor(token.owner, token))
    assert sent() == []


def test_made_by_a_program(make: Callable[..., Token], issue: Issue, team: Team) -> None:
    token = make()
    issue(owner=team.account, name="Child", actor=Actor(team.account, token))
    sent()
    assert f"How: by a program with {token.identifier}" in str(mail.outbox[0].body)


def test_the_choices_of_the_account_do_not_count(make: Callable[..., Token], team: Team) -> None:
    MailChoices.choose(team.account, ["new_addresses"])  # renewals and reminders are off
    token = make(expires_at=timezone.now() + timedelta(days=7), scopes=[])
    Token.objects.update(created_at=timezone.now() - timedelta(days=83))
    call_command("send_expiry_reminders", verbosity=0)
    assert [str(message.subject) for message in mail.outbox] == ["“CI” expires in 7 days"]
    token.refresh_from_db()
    Token.objects.renew(
        token, expires_at=timezone.now() + timedelta(days=90), overlap=timedelta(days=1)
    )
    assert sent() == [("“CI” was renewed", {OWNER, TEAMMATE})]


def test_a_new_address_is_no_mail(issue: Issue, team: Team) -> None:
    MailChoices.choose(team.account, ["new_addresses"])
    _, value = issue(owner=team.account)
    Notification.objects.all().delete()
    call_from(value, "203.0.113.1", "203.0.113.2")
    assert sent() == []


def test_nobody_wants_mails(issue: Issue, team: Team, owner: User) -> None:
    wants(team)
    token, value = issue(owner=team.account, name="CI")
    assert sent() == [("“CI” was created", {OWNER})]  # to the manager
    Token.objects.renew(
        token, expires_at=timezone.now() + timedelta(days=9), overlap=timedelta(hours=1)
    )
    assert sent() == []
    token.revoke()
    Client().get("/api/v1/token", headers=bearer(value))
    recorder.flush()
    assert sent() == [("2 notifications about your API tokens", {OWNER})]
    assert not Notification.objects.filter(sent_at=None).exists()


@pytest.mark.parametrize("empty", ["no members", "all switched off", "no addresses"])
def test_nobody_is_there(issue: Issue, team: Team, empty: str) -> None:
    if empty == "no members":
        team.memberships.all().delete()
    members = User.objects.filter(can_sign_in=True)
    if empty == "all switched off":
        members.update(is_active=False)
    issue(owner=team.account)
    if empty == "no addresses":
        members.filter(email=TEAMMATE).delete()
        members.update(email="")
    Token.objects.update(
        expires_at=timezone.now() + timedelta(days=7),
        created_at=timezone.now() - timedelta(days=83),
    )
    assert sent() == []
    call_command("send_expiry_reminders", verbosity=0)
    assert mail.outbox == []
    assert Notification.objects.count() == 2
    assert not Notification.objects.filter(sent_at=None).exists()


def test_a_broken_policy_is_told_to_members_or_to_managers(
    make: Callable[..., Token], team: Team
) -> None:
    token = make()
    notify_broken_policy(token, "Names")
    assert sent() == [("“CI” was found to break a policy", {OWNER, TEAMMATE})]
    assert "Policy: Names" in str(mail.outbox[0].body)
    Notification.objects.all().delete()
    wants(team)
    notify_broken_policy(token, "Names")
    assert sent() == [("“CI” was found to break a policy", {OWNER})]


def test_somebody_switched_off_gets_nothing(issue: Issue, team: Team) -> None:
    User.objects.filter(email=OWNER).update(is_active=False)
    issue(owner=team.account)
    assert [recipients for _, recipients in sent()] == [{TEAMMATE}]


def test_a_mail_that_failed_comes_once_to_each(
    issue: Issue, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(owner=team.account)

    def fail(*_: object) -> None:
        raise SMTPServerDisconnected("gone")

    with monkeypatch.context() as broken:
        broken.setattr(EmailBackend, "send_messages", fail)
        assert sent() == []
    notification = Notification.objects.get()
    assert (notification.problem, notification.sent_at, notification.claimed_at) == (
        "gone",
        None,
        None,
    )
    assert [people for _, people in sent()] == [{OWNER, TEAMMATE}]
    assert sent() == []


def test_the_dry_run_names_the_team(
    make: Callable[..., Token], team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    token = make(expires_at=timezone.now() + timedelta(days=7))
    Token.objects.update(created_at=timezone.now() - timedelta(days=83))
    call_command("send_expiry_reminders", "--dry-run")
    assert capsys.readouterr().out == (
        f"team:billing-ci: expires_7, {token.identifier}, CI\n1 mail would be sent.\n"
    )
    wants(team)
    call_command("send_expiry_reminders", "--dry-run")
    assert capsys.readouterr().out.endswith("\n0 mails would be sent.\n")
    call_command("send_expiry_reminders")
    assert capsys.readouterr().out == (
        f"team:billing-ci: expires_7, {token.identifier}, CI: nobody in the team gets it\n"
        "0 mails sent.\n"
    )


def test_a_mail_has_a_bound(issue: Issue, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipients, "MAX_RECIPIENTS", 1)
    issue(owner=team.account)
    assert [people for _, people in sent()] == [{OWNER}]  # managers come first


def test_a_server_that_refuses_one_address(mailbox: Mailbox, issue: Issue, team: Team) -> None:
    """The others get the mail once, and it is not sent again."""
    mailbox.refused.add(TEAMMATE)
    issue(owner=team.account)
    for _ in range(2):
        send_event_mails(timezone.now())
    [message] = mailbox.messages
    assert message["To"] == "undisclosed-recipients:;"
    assert message["Bcc"] is None
    assert OWNER not in message.as_string().partition("\n\n")[0]
    assert Notification.objects.get().sent_at
