"""Which events of a token the owner gets a mail about."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue, bearer
from tests.records import a_record, program
from tokens.models import Actor, KnownAddress, MailChoices, Notification, Token
from tokens.models.notification import MAX_ADDRESSES
from tokens.notifications import outbox
from tokens.notifications.outbox import send_event_mails
from tokens.usage.recorder import MAX_REMEMBERED_USES, Recorder, recorder

pytestmark = pytest.mark.django_db(transaction=True)  # signals are sent after the commit


def by(user: User | None) -> Actor:
    """Return an actor at a fixed address."""
    return Actor(user=user, address="203.0.113.7")


def subjects() -> list[str]:
    """Send the event mails. Return their subjects."""
    mail.outbox = []
    send_event_mails(timezone.now())
    return [str(message.subject) for message in mail.outbox]


@pytest.fixture
def quiet_issue(issue: Issue) -> Issue:
    """Return a function that makes a token without a mail about its creation."""

    def make(**changes: Any) -> tuple[Token, str]:
        made = issue(**changes)
        Notification.objects.all().delete()
        return made

    return make


def test_created(issue: Issue, owner: User) -> None:
    issue(actor=by(owner))
    assert subjects() == ["“Production API” was created"]
    assert "From: 203.0.113.7\n" in str(mail.outbox[0].body)
    assert subjects() == []


def renew(token: Token) -> Token:
    successor, _ = Token.objects.renew(
        token,
        expires_at=timezone.now() + timedelta(30),
        overlap=timedelta(hours=1),
        actor=by(token.owner),
    )
    return successor


def test_renewed(quiet_issue: Issue) -> None:
    successor = renew(quiet_issue()[0])
    assert subjects() == ["“Production API” was renewed"]
    assert successor.identifier in str(mail.outbox[0].body)
    assert "The old token works until" in str(mail.outbox[0].body)


def test_renewed_can_be_switched_off_and_created_not(issue: Issue, owner: User) -> None:
    MailChoices.choose(owner, [])
    renew(issue()[0])
    assert subjects() == ["“Production API” was created"]


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("owner", None),
        ("administrator", "by an administrator"),
        ("nobody", "by somebody who holds its value"),
        (None, "on the command line"),
    ],
)
def test_revoked(
    quiet_issue: Issue, owner: User, administrator: User, who: str | None, words: str | None
) -> None:
    people = {"owner": owner, "administrator": administrator, "nobody": None}
    token, _ = quiet_issue()
    token.revoke(by(people[who]) if who else None)
    assert subjects() == (["“Production API” was revoked"] if words else [])
    assert not words or words in str(mail.outbox[0].body)


def test_revoked_for_a_reason(quiet_issue: Issue, administrator: User) -> None:
    token, _ = quiet_issue()
    token.revoke(by(administrator), "no longer used")
    assert subjects() == ["“Production API” was revoked"]
    assert "How: by an administrator: no longer used\n" in str(mail.outbox[0].body)


def test_used_after_it_was_revoked(quiet_issue: Issue, owner: User) -> None:
    token, value = quiet_issue()
    token.revoke(by(owner))
    for _ in range(3):
        refusal = Client().get("/api/v1/token", headers=bearer(value), REMOTE_ADDR="203.0.113.9")
        assert refusal.json()["code"] == "revoked_token"
        recorder.flush()
    assert subjects() == ["“Production API” was used after it was revoked"]
    assert "203.0.113.9" in str(mail.outbox[0].body)
    assert value[24:] not in mail.outbox[0].message().as_string()
    Client().get("/api/v1/token", headers=bearer(value), REMOTE_ADDR="203.0.113.10")
    recorder.flush()
    assert subjects() == []


def call_from(value: str, *addresses: str) -> None:
    """Make a request with a token from each address."""
    for address in addresses:
        answer = Client().get("/api/v1/token", headers=bearer(value), REMOTE_ADDR=address)
        assert answer.status_code == 200
        recorder.flush()


def test_new_addresses_are_opted_in_to(quiet_issue: Issue, owner: User) -> None:
    _, value = quiet_issue()
    call_from(value, "203.0.113.1", "203.0.113.2")
    assert subjects() == []
    MailChoices.choose(owner, ["new_addresses"])
    call_from(value, "203.0.113.1", "203.0.113.2")
    assert subjects() == []
    call_from(value, "203.0.113.3", "203.0.113.3", "2001:db8::1", "2001:db8::2")
    assert subjects() == ["2 notifications about your API tokens"]
    assert "From: 203.0.113.3\n" in str(mail.outbox[0].body)
    assert "From: 2001:db8::/64\n" in str(mail.outbox[0].body)


def test_the_first_address_of_a_token_is_not_new(quiet_issue: Issue, owner: User) -> None:
    MailChoices.choose(owner, ["new_addresses"])
    call_from(quiet_issue()[1], "203.0.113.1")
    assert subjects() == []


def test_known_addresses_are_bounded(issue: Issue) -> None:
    token, _ = issue()
    for number in range(MAX_ADDRESSES + 5):
        assert KnownAddress.is_new(token.pk, f"10.0.0.{number}") == (number > 0)
    assert token.known_addresses.count() == MAX_ADDRESSES
    assert not token.known_addresses.filter(address="10.0.0.4").exists()


def test_the_recorders_memory_of_addresses_is_bounded(
    issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_REMEMBERED_USES == 100_000
    monkeypatch.setattr("tokens.usage.recorder.MAX_REMEMBERED_USES", 3)
    token, _ = issue()
    small = Recorder()
    for number in range(10):
        small.record(a_record(token, address=f"10.0.0.{number}"))
        small._add_up()
        assert len(small._remembered_uses) <= 3


def test_the_command_line_leaves_sending_to_the_server(
    quiet_issue: Issue, administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(outbox, "send_event_mails_soon", lambda: calls.append("now"))
    quiet_issue(name="by hand")[0].revoke()
    assert calls == []
    quiet_issue()[0].revoke(by(administrator))
    assert calls == ["now"]


def test_an_address_in_use_stays_known(issue: Issue) -> None:
    token, _ = issue()
    KnownAddress.is_new(token.pk, "10.0.1.1")
    for number in range(MAX_ADDRESSES):
        KnownAddress.is_new(token.pk, f"10.0.0.{number}")
        assert not KnownAddress.is_new(token.pk, "10.0.1.1")


def test_a_mail_about_a_renewal_says_that_the_old_token_is_over(quiet_issue: Issue) -> None:
    token, _ = quiet_issue(expires_at=timezone.now() - timedelta(days=30))
    Token.objects.renew(
        token, expires_at=timezone.now() + timedelta(days=30), overlap=timedelta(hours=1)
    )
    subjects()
    assert "The old token no longer works." in str(mail.outbox[0].body)


def test_a_mail_about_a_revocation_counts_the_descendants(quiet_issue: Issue) -> None:
    maker, _ = quiet_issue()
    quiet_issue(name="child", actor=program(maker))
    maker.revoke(by(None))
    assert subjects() == ["“Production API” was revoked"]
    assert "1 token made with this token still works: you can revoke it on its page." in str(
        mail.outbox[0].body
    )
