"""`manage.py send_expiry_reminders`."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO
from smtplib import SMTPRecipientsRefused
from threading import Barrier
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from tests.conftest import Issue
from tests.run import patience
from tokens.authentication import credentials
from tokens.models import Notification, Token
from tokens.models.notification import CLAIM_TIMEOUT
from tokens.notifications import outbox
from tokens.notifications.reminders import DAYS_BEFORE_EXPIRY
from tokens.signals import token_expired

START = datetime(2027, 1, 1, 7, tzinfo=UTC)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("send_expiry_reminders", *arguments, stdout=out, stderr=out)
    return out.getvalue()


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(START, tick=False) as travelled:
        yield travelled


@pytest.fixture
def a_week_left(clock: Any, issue: Issue) -> Token:
    token, _ = issue(name="CI pipeline", environment="test", expires_at=START + timedelta(7))
    Token.objects.update(created_at=START - timedelta(83))
    token.refresh_from_db()
    return token


@pytest.fixture
def expired(db: None) -> Iterator[list[Token]]:
    """Return the list of tokens that `token_expired` was sent for."""
    tokens: list[Token] = []

    def receive(token: Token, **kwargs: Any) -> None:
        tokens.append(token)

    token_expired.connect(receive)
    yield tokens
    token_expired.disconnect(receive)


def test_says_what_it_sent_and_sends_nothing_twice(a_week_left: Token) -> None:
    line = f"owner@example.com: expires_7, {a_week_left.identifier}, CI pipeline\n"
    assert run() == f"{line}1 mail sent.\n"
    assert run() == "0 mails sent.\n"
    assert [message.subject for message in mail.outbox] == ["“CI pipeline” expires in 7 days"]


def test_dry_run(a_week_left: Token, expired: list[Token]) -> None:
    Token.objects.create(owner=a_week_left.owner, identifier="x" * 24, pepper=1, expires_at=START)
    printed = run("--dry-run")
    assert f"expires_7, {a_week_left.identifier}" in printed
    assert printed.endswith("1 mail would be sent.\n")
    assert (mail.outbox, expired, Notification.objects.count()) == ([], [], 0)


def test_one_mail_for_an_owner_and_day(
    a_week_left: Token, issue: Issue, teammate: User, clock: Any
) -> None:
    issue(name="soon", expires_at=START + timedelta(1))
    issue(name="theirs", expires_at=START + timedelta(0, 60), owner=teammate)
    Token.objects.update(created_at=START - timedelta(90))
    assert run().endswith("2 mails sent.\n")
    first = next(message for message in mail.outbox if message.to == ["owner@example.com"])
    assert first.subject == "2 API tokens expire soon"
    clock.shift(timedelta(hours=16))
    issue(name="late", expires_at=START + timedelta(7))
    Token.objects.update(created_at=START - timedelta(90))
    assert run("--dry-run") == "0 mails would be sent.\n"
    assert run() == "0 mails sent.\n"
    clock.shift(timedelta(hours=1))
    run()
    bodies = [str(message.body) for message in mail.outbox if message.to == ["owner@example.com"]]
    assert len(bodies) == 2
    assert "late" in bodies[1]
    assert "CI pipeline" not in bodies[1]


def test_a_late_run_sends_only_the_newest_reminder(a_week_left: Token, clock: Any) -> None:
    clock.move_to(START + timedelta(6))
    run()
    assert [message.subject for message in mail.outbox] == ["“CI pipeline” expires tomorrow"]


@pytest.mark.parametrize(
    "changes",
    [{"renewed_at": START}, {"revoked_at": START}, {"expires_at": START - timedelta(31)}],
)
def test_no_reminder_of_renewed_revoked_or_long_expired_tokens(
    a_week_left: Token, changes: dict[str, datetime]
) -> None:
    Token.objects.update(**changes)
    assert run() == "0 mails sent.\n"


def test_no_mail_to_people_who_are_switched_off_or_want_no_reminders(
    a_week_left: Token, owner_client: Client
) -> None:
    User.objects.update(is_active=False)
    assert run() == "0 mails sent.\n"
    User.objects.update(is_active=True)
    form = {"name": "", "time_zone": "UTC", "theme": ""}
    owner_client.post("/settings/profile/", form)
    assert run() == "0 mails sent.\n"
    owner_client.post("/settings/profile/", form | {"token_mails": "reminders"})
    assert run().endswith("1 mail sent.\n")


def test_token_expired_is_sent_once(a_week_left: Token, expired: list[Token], clock: Any) -> None:
    """The signal is sent for a renewed token too, although nobody gets a mail about it."""
    Token.objects.update(renewed_at=START)
    clock.move_to(START + timedelta(7))
    run()
    run()
    assert (expired, mail.outbox) == ([a_week_left], [])


def test_a_failure_stops_nobody_and_is_tried_again(
    a_week_left: Token, issue: Issue, teammate: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(name="theirs", expires_at=START + timedelta(7), owner=teammate)
    Token.objects.update(created_at=START - timedelta(90))
    send = EmailBackend.send_messages

    def refuse(self: EmailBackend, messages: list[EmailMessage]) -> int:
        if messages[0].to == ["owner@example.com"]:
            raise SMTPRecipientsRefused({"owner@example.com": (550, b"no such box")})
        return send(self, messages)

    with monkeypatch.context() as broken:
        broken.setattr(EmailBackend, "send_messages", refuse)
        with pytest.raises(CommandError, match="1 mail could not be sent"):
            run()
    assert [message.to for message in mail.outbox] == [["teammate@example.com"]]
    assert run().endswith("1 mail sent.\n")
    assert [message.to for message in mail.outbox] == [
        ["teammate@example.com"],
        ["owner@example.com"],
    ]


def test_a_run_ends_soon_where_the_mail_server_is_away(
    db: None, clock: Any, issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise each of thousands of mails would wait for the time-out.

    What the run had claimed is free for the next run.
    """
    for number in range(10):
        owner = User.objects.create(email=f"{number}@example.com")
        issue(owner=owner, expires_at=START + timedelta(7))
    Token.objects.update(created_at=START - timedelta(90))
    Notification.objects.all().delete()
    tried = []

    def fail(*_: object) -> int:
        tried.append(1)
        raise TimeoutError("timed out")

    with monkeypatch.context() as broken:
        broken.setattr(EmailBackend, "send_messages", fail)
        with pytest.raises(CommandError, match="3 mails could not be sent"):
            run()
    assert len(tried) == 3
    assert Notification.objects.filter(problem="timed out", claimed_at=None).count() == 3
    assert run().endswith("10 mails sent.\n")


def test_what_a_killed_process_had_claimed_is_sent_later(a_week_left: Token, clock: Any) -> None:
    assert outbox.claim_due_reminders([a_week_left.owner_id], START)
    assert run() == "0 mails sent.\n"
    clock.shift(CLAIM_TIMEOUT)
    assert run().endswith("1 mail sent.\n")


def population() -> list[Token]:
    """Make 1,000 tokens of five people that expire within the year.

    Their lifetimes are from a day to a year.
    """
    owners = User.objects.bulk_create(User(email=f"{number}@example.com") for number in range(5))
    tokens = []
    for number in range(1000):
        lifetime = timedelta(days=1 + number * 37 % 365, minutes=number * 61 % 1440)
        expires_at = START + timedelta(
            days=32 + number * 53 % 332, minutes=30 + number * 97 % 1440
        )
        owner, identifier = owners[number * 7 % 5], f"tkn_live_{number:015}"
        tokens.append(
            Token(
                owner=owner, name=f"T{number}", environment="live", identifier=identifier,
                pepper=1, created_at=expires_at - lifetime, expires_at=expires_at,
            )
        )  # fmt: skip
    return Token.objects.bulk_create(tokens)


def expected(token: Token) -> set[str]:
    """Return the reminders that a token must get, by its lifetime."""
    lifetime = token.expires_at - token.created_at
    return {"expired"} | {
        str(kind) for kind, days in DAYS_BEFORE_EXPIRY.items() if 2 * timedelta(days) <= lifetime
    }


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_a_year_of_two_nodes(clock: Any, expired: list[Token]) -> None:
    tokens = population()
    gate = Barrier(2)

    def node(day: int) -> None:
        gate.wait(timeout=patience(6))
        run()

    def leave(_: int) -> None:
        gate.wait(timeout=patience(6))
        connection.close()

    with ThreadPoolExecutor(2) as pool:
        for day in range(367):
            clock.move_to(START + timedelta(day))
            before = len(mail.outbox)
            list(pool.map(node, (day, day)))
            today = Counter(message.to[0] for message in mail.outbox[before:])
            assert set(today.values()) <= {1}, "one mail for each owner and day"
        list(pool.map(leave, (1, 2)))
    sent = Counter(
        identifier
        for message in mail.outbox
        for identifier in str(message.body).split()
        if identifier.startswith("tkn_")
    )
    assert sent == {token.masked[:29]: len(expected(token)) for token in tokens}
    kinds = {token.identifier: set[str]() for token in tokens}
    for identifier, kind in Notification.objects.exclude(sent_at=None).values_list(
        "token__identifier", "kind"
    ):
        kinds[identifier].add(kind)
    assert kinds == {token.identifier: expected(token) for token in tokens}
    assert Counter(expired) == dict.fromkeys(tokens, 1)


def test_a_mail_shows_only_the_identifier_of_a_token(a_week_left: Token) -> None:
    run()
    message = mail.outbox[0].message().as_string()
    assert a_week_left.digest not in message
    assert credentials.BULLET in str(mail.outbox[0].body)


def test_mails_that_would_only_be_printed_are_not_sent(
    a_week_left: Token, settings: Settings
) -> None:
    settings.MAILS_ARE_PRINTED = True
    with pytest.raises(CommandError, match="EMAIL_URL is not set"):
        run()
    assert "1 mail would be sent." in run("--dry-run")
    settings.MAILS_ARE_PRINTED = False
    assert run().endswith("1 mail sent.\n")


def test_a_claim_lasts_from_when_it_is_made(a_week_left: Token, clock: Any) -> None:
    """A run of many mails takes time. The claims that the run makes late last as long."""
    begun = timezone.now()
    clock.shift(CLAIM_TIMEOUT + timedelta(minutes=1))
    assert outbox.claim_due_reminders([a_week_left.owner_id], begun)
    assert not outbox.claim_due_reminders([a_week_left.owner_id], timezone.now())


def test_an_account_without_an_address_gets_no_mail(a_week_left: Token) -> None:
    User.objects.update(email="")
    assert run("--dry-run").endswith("0 mails would be sent.\n")
    assert run().endswith(", CI pipeline: no e-mail address\n0 mails sent.\n")
