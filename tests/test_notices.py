"""What the owner of a token hears of when it happens."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import AnonymousUser
from django.core import mail
from django.core.mail import EmailMessage
from django.core.management import call_command
from django.db import connection
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue, a_call, bearer, program
from tests.run import patience
from tests.test_concurrency import at_once
from tokens import outbox
from tokens.models import KnownAddress, MailChoices, Notice, Token
from tokens.models.notice import MOST_ADDRESSES
from tokens.outbox import send_news
from tokens.usage import MOST_MET, Recorder, recorder

pytestmark = pytest.mark.django_db(transaction=True)  # signals come when a transaction is through


def by(user: Any) -> Any:
    request = RequestFactory().get("/", REMOTE_ADDR="203.0.113.7")
    request.user = user
    return request


def subjects() -> list[str]:
    """Of the mails that are sent now."""
    mail.outbox = []
    send_news(timezone.now())
    return [str(message.subject) for message in mail.outbox]


@pytest.fixture
def quiet_issue(issue: Issue) -> Issue:
    """Tokens of whose creation nobody hears."""

    def make(**changes: Any) -> tuple[Token, str]:
        made = issue(**changes)
        Notice.objects.all().delete()
        return made

    return make


def test_created(issue: Issue, owner: User) -> None:
    issue(request=by(owner))
    assert subjects() == ["“Production API” was created"]
    assert "from 203.0.113.7" in str(mail.outbox[0].body)
    assert subjects() == []


def renew(token: Token) -> Token:
    successor, _ = Token.objects.renew(
        token, expires_at=timezone.now() + timedelta(30), overlap=timedelta(hours=1), request=by(token.owner)
    )
    return successor


def test_renewed(quiet_issue: Issue) -> None:
    successor = renew(quiet_issue()[0])
    assert subjects() == ["“Production API” was renewed"]
    assert successor.identifier in str(mail.outbox[0].body)
    assert "The old one works until" in str(mail.outbox[0].body)


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
def test_revoked(quiet_issue: Issue, owner: User, administrator: User, who: str | None, words: str | None) -> None:
    people = {"owner": owner, "administrator": administrator, "nobody": AnonymousUser()}
    token, _ = quiet_issue()
    token.revoke(by(people[who]) if who else None)
    assert subjects() == (["“Production API” was revoked"] if words else [])
    assert not words or words in str(mail.outbox[0].body)


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
    for address in addresses:
        assert Client().get("/api/v1/token", headers=bearer(value), REMOTE_ADDR=address).status_code == 200
        recorder.flush()


def test_new_addresses_are_opted_in_to(quiet_issue: Issue, owner: User) -> None:
    _, value = quiet_issue()
    call_from(value, "203.0.113.1", "203.0.113.2")
    assert subjects() == []
    MailChoices.choose(owner, ["new_addresses"])
    call_from(value, "203.0.113.1", "203.0.113.2")
    assert subjects() == []
    call_from(value, "203.0.113.3", "203.0.113.3", "2001:db8::1", "2001:db8::2")
    assert subjects() == ["2 notices about your API tokens"]
    assert "from 203.0.113.3 for" in str(mail.outbox[0].body)
    assert "from 2001:db8::/64 for" in str(mail.outbox[0].body)


def test_the_first_address_of_all_is_no_news(quiet_issue: Issue, owner: User) -> None:
    MailChoices.choose(owner, ["new_addresses"])
    call_from(quiet_issue()[1], "203.0.113.1")
    assert subjects() == []


def test_known_addresses_are_bounded(issue: Issue) -> None:
    token, _ = issue()
    for number in range(MOST_ADDRESSES + 5):
        assert KnownAddress.is_new(token.pk, f"10.0.0.{number}") == (number > 0)
    assert token.known_addresses.count() == MOST_ADDRESSES
    assert not token.known_addresses.filter(address="10.0.0.4").exists()


def test_meetings_are_bounded(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_MET == 100_000
    monkeypatch.setattr("tokens.usage.MOST_MET", 3)
    token, _ = issue()
    small = Recorder()
    for number in range(10):
        small.record(a_call(token, address=f"10.0.0.{number}"))
        small._add_up()
        assert len(small._met) <= 3


def test_what_one_has_taken_another_does_not_get(issue: Issue) -> None:
    issue()
    issue()
    now = timezone.now()
    both_see = list(Notice.objects.waiting(now))
    assert len(Notice.objects.take(both_see, now)) == 2
    assert Notice.objects.take(both_see, now) == []


def test_of_many_senders_one_sends(issue: Issue) -> None:
    for number in range(5):
        issue(name=str(number))
    counts = at_once(lambda _: str(sum(len(sent.notices) for sent in send_news(timezone.now()))))
    assert sum(int(many) * threads for many, threads in counts.items()) == 5
    assert sum(str(message.body).count("tkn_live_") // 2 for message in mail.outbox) == 5


def test_what_fails_is_tried_again(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    issue()

    def fail(*_: object) -> None:
        raise SMTPServerDisconnected("gone")

    with monkeypatch.context() as broken:
        broken.setattr(EmailMessage, "send", fail)
        assert subjects() == []
    call_command("send_expiry_reminders", verbosity=0)
    assert [message.subject for message in mail.outbox] == ["“Production API” was created"]


def test_the_thread_sends_and_survives_faults(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    issue()
    soon: Callable[[], object] = lambda: outbox.worker.submit(outbox._send_news).result(timeout=patience(6))  # noqa: E731
    with monkeypatch.context() as broken:
        broken.setattr(outbox, "send_news", lambda _: 1 / 0)
        soon()
    soon()
    assert [message.subject for message in mail.outbox] == ["“Production API” was created"]


@pytest.mark.parametrize("fails", [False, True])
def test_the_thread_keeps_no_connection(monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    """Each would hold one of PostgreSQL's, for as long as the process lives."""

    def work(_: object) -> None:
        connection.ensure_connection()
        if fails:
            raise ValueError

    def send() -> bool:
        outbox._send_news()
        return connection.connection is None

    monkeypatch.setattr(outbox, "send_news", work)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(send).result()


def test_the_command_line_leaves_sending_to_others(
    quiet_issue: Issue, administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(outbox, "send_news_soon", lambda: asked.append("now"))
    quiet_issue(name="by hand")[0].revoke()
    assert asked == []
    quiet_issue()[0].revoke(by(administrator))
    assert asked == ["now"]


def test_an_address_in_use_stays_known(issue: Issue) -> None:
    token, _ = issue()
    KnownAddress.is_new(token.pk, "10.0.1.1")
    for number in range(MOST_ADDRESSES):
        KnownAddress.is_new(token.pk, f"10.0.0.{number}")
        assert not KnownAddress.is_new(token.pk, "10.0.1.1")


def test_a_renewal_of_what_is_over_promises_nothing(quiet_issue: Issue) -> None:
    token, _ = quiet_issue(expires_at=timezone.now() - timedelta(days=30))
    Token.objects.renew(token, expires_at=timezone.now() + timedelta(days=30), overlap=timedelta(hours=1))
    subjects()
    assert "The old one is over." in str(mail.outbox[0].body)


def test_a_mail_about_a_revocation_counts_what_was_made_with_the_token(quiet_issue: Issue) -> None:
    maker, _ = quiet_issue()
    quiet_issue(name="child", request=program(maker))
    maker.revoke(by(AnonymousUser()))
    assert subjects() == ["“Production API” was revoked"]
    assert "1 token made with it still works: its page ends it." in str(mail.outbox[0].body)


def test_many_of_a_kind_come_together(issue: Issue, owner: User) -> None:
    """The first at once, the others some minutes later in one mail; another kind does not wait for them."""
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        issue(name="first", request=by(owner))
        assert subjects() == ["“first” was created"]
        for number in range(3):
            issue(name=f"next {number}", request=by(owner))
        assert subjects() == []
        issue(name="other")[0].revoke(by(AnonymousUser()))
        assert subjects() == ["“other” was revoked"]
        clock.shift(outbox.PAUSE)
        assert subjects() == ["4 API tokens were created"]
        assert subjects() == []


def test_nobody_waits_for_the_mails_of_others(issue: Issue, owner: User, teammate: User) -> None:
    issue(request=by(owner))
    assert len(subjects()) == 1
    issue(request=by(owner))
    issue(owner=teammate, request=by(teammate))
    assert subjects() == ["“Production API” was created"]
    assert mail.outbox[0].to == [teammate.email]


def test_what_waits_is_sent_when_its_time_has_come(issue: Issue, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[float] = []
    monkeypatch.setattr(outbox, "send_news_after", begun.append)
    issue(request=by(owner))
    outbox._send_news()
    assert begun == []
    issue(request=by(owner))
    outbox._send_news()
    assert begun == [outbox.PAUSE.total_seconds()]


def test_one_timer_waits_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[None] = []
    monkeypatch.setattr(outbox, "send_news_soon", lambda: asked.append(None))
    for _ in range(3):
        outbox.send_news_after(3600)
    waiting = outbox.timer
    assert waiting.is_alive()
    waiting.cancel()
    waiting.join()
    outbox.send_news_after(0)
    outbox.timer.join()
    assert len(asked) == 1
