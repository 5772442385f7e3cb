"""Mails as they arrive at a real SMTP server, as text and as HTML, with hostile names."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from tempfile import gettempdir
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.core import mail
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import User
from config.environment.variables import email_settings
from tests.conftest import Issue
from tests.server import free_port
from tokens.models import Notification, Token
from tokens.notifications.emails import event_mail, reminder_mail
from tokens.notifications.event_words import EVENT_WORDS
from tokens.notifications.reminders import Reminder

NOW = datetime(2027, 3, 1, 7, tzinfo=UTC)
HOSTILE = {
    "markup": "<img src=x onerror=alert(1)>",
    "formula": '=HYPERLINK("http://evil.example","x")',
    "lines": "x\r\nBcc: victim@example.com\r\n\r\n<b>",
    "turned": "abc\u202etxt.exe",
    "emoji": "😀" * 100,
    "empty": "\r\n",
}


class Mailbox:
    """A handler for an SMTP server that stores the mails."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.refused: set[str] = set()
        self.greetings: set[str] = set()

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address in self.refused:
            return "550 no such box"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.greetings.add(session.host_name)
        self.messages.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    for name, value in email_settings(f"smtp://127.0.0.1:{controller.port}").items():
        setattr(settings, name, value)
    yield box
    controller.stop()


class Elements(HTMLParser):
    """The element names and the link addresses of an HTML document."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: set[str] = set()
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links |= {value or "" for name, value in attrs if name == "href"}


def html_of(message: mail.EmailMultiAlternatives) -> str:
    return str(message.alternatives[0][0])


def reminder(token: Token) -> Notification:
    return Notification(token=token, kind=Reminder.WEEK)


def test_a_real_server_receives_it(mailbox: Mailbox, issue: Issue, teammate: User) -> None:
    mine, value = issue(name="CI pipeline", environment="test")
    issue(name="theirs", owner=teammate)
    now = datetime.now(UTC)
    Token.objects.update(created_at=now - timedelta(90), expires_at=now + timedelta(7))
    mailbox.refused.add("teammate@example.com")
    with pytest.raises(CommandError):
        call_command("send_expiry_reminders", verbosity=0)
    (message,) = mailbox.messages
    assert (message["To"], message["Subject"]) == (
        "owner@example.com",
        "“CI pipeline” expires in 7 days",
    )
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["From"] == "Tokenry <tokenry@localhost>"
    assert mailbox.greetings == {"localhost"}  # the host of SITE_URL, not the machine's name
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body is not None
        text = body.get_content()
        link = f"http://localhost:8000/settings/tokens/{mine.identifier}/renew/"
        for words in (
            "CI pipeline",
            "Staging",
            mine.identifier,
            "•••",
            "never",
            "Not used in 60 days",
            link,
        ):
            assert words in text, (kind, words)
        assert value[24:] not in text
    mailbox.refused.clear()
    call_command("send_expiry_reminders", verbosity=0)
    assert [message["To"] for message in mailbox.messages] == [
        "owner@example.com",
        "teammate@example.com",
    ]


@pytest.mark.parametrize(
    ("address", "kind", "expected"),
    [
        (
            "smtp://example.com:25",
            "smtp",
            {"host": "example.com", "port": 25, "use_tls": False, "timeout": 10},
        ),
        (
            "smtp+tls://me:p%40ss@host:587",
            "smtp",
            {"username": "me", "password": "p@ss", "use_tls": True},
        ),
        ("smtp+ssl://me:pass@host:465", "smtp", {"port": 465, "use_tls": False, "use_ssl": True}),
        (f"filemail:///{gettempdir()}", "filebased", {"file_path": gettempdir()}),
        ("consolemail://", "console", {}),
        ("memorymail://", "locmem", {}),
        ("dummymail://", "dummy", {}),
    ],
)
def test_email_url_leads_to_a_backend(
    settings: Settings, address: str, kind: str, expected: dict[str, object]
) -> None:
    for name, value in email_settings(address).items():
        setattr(settings, name, value)
    backend = mail.mailers.default if hasattr(mail, "mailers") else mail.get_connection()
    where = "config.mail_backend" if kind == "smtp" else f"django.core.mail.backends.{kind}"
    assert type(backend).__module__ == where
    assert {name: getattr(backend, name) for name in expected} == expected
    assert settings.MAILS_ARE_PRINTED is (kind == "console")


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names(mailbox: Mailbox, issue: Issue, name: str) -> None:
    token, _ = issue(name=name)
    token.expires_at = NOW + timedelta(7)
    reminder_mail([reminder(token)], NOW).send()
    event_mail(
        [Notification(token=token, kind=Notification.Kind.NEW_ADDRESS, detail="203.0.113.7")]
    ).send()
    for message in mailbox.messages:
        assert message["Bcc"] is None
        assert message["To"] == "owner@example.com"
        assert not set("\r\n\u202e") & set(str(message["Subject"]))
        parts = [message.get_body((kind,)) for kind in ("plain", "html")]
        plain, html = (part.get_content() for part in parts if part)
        assert "\u202e" not in plain + html
        assert "\nBcc" not in plain
        found = Elements(html)
        assert not found.tags & {"img", "b", "script"}
        assert all(link.startswith("http://localhost:8000") for link in found.links)


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("UTC", "on 8 March 2027, 23:30 UTC"),
        ("Asia/Tokyo", "on 9 March 2027, 08:30 JST"),
        ("Mars/Olympus", "on 8 March 2027, 23:30 UTC"),
    ],
)
def test_times_are_in_the_owners_zone(issue: Issue, owner: User, zone: str, words: str) -> None:
    owner.time_zone = zone
    token, _ = issue()
    token.owner, token.expires_at = owner, datetime(2027, 3, 8, 23, 30, tzinfo=UTC)
    assert words in str(reminder_mail([reminder(token)], NOW).body)


def test_a_mail_names_twenty_tokens_at_most(issue: Issue) -> None:
    token, _ = issue()
    notifications = [
        Notification(token=token, kind=Notification.Kind.NEW_ADDRESS, detail=f"192.0.2.{n}")
        for n in range(25)
    ]
    for made in (event_mail(notifications), reminder_mail([reminder(token)] * 25, NOW)):
        (html, _), *_ = made.alternatives
        for part in (str(made.body), str(html)):
            assert part.count(token.masked[:29]) == 20
            assert "And 5 more" in part


@pytest.mark.parametrize(
    ("zone", "subject"), [("UTC", "expires tomorrow"), ("Asia/Tokyo", "expires in 2 days")]
)
def test_days_are_counted_in_the_owners_zone(
    issue: Issue, owner: User, zone: str, subject: str
) -> None:
    owner.time_zone = zone
    token, _ = issue()
    token.owner = owner
    token.expires_at = datetime(2027, 3, 9, 17, tzinfo=UTC)  # the 10th in Tokyo
    now = datetime(2027, 3, 8, 10, tzinfo=UTC)
    assert reminder_mail([reminder(token)], now).subject == f"“{token.name}” {subject}"


@pytest.mark.parametrize(
    ("days", "subject"),
    [
        ([0], "“T0” has expired"),
        ([0.1], "“T0” expires today"),
        ([1], "“T0” expires tomorrow"),
        ([30], "“T0” expires in 30 days"),
        ([0, -1], "2 API tokens have expired"),
        ([7, 1], "2 API tokens expire soon"),
        ([7, 0], "1 API token has expired, 1 expires soon"),
        ([7, 7, 0, 0], "2 API tokens have expired, 2 expire soon"),
    ],
)
def test_subjects(issue: Issue, days: list[float], subject: str) -> None:
    notifications = []
    for number, left in enumerate(days):
        token, _ = issue(name=f"T{number}")
        token.expires_at = NOW + timedelta(left)
        notifications.append(
            Notification(token=token, kind=Reminder.WEEK if left > 0 else Reminder.EXPIRED)
        )
    assert reminder_mail(notifications, NOW).subject == subject


def test_last_use(issue: Issue) -> None:
    token, _ = issue()
    token.created_at, token.last_used_at = NOW, NOW - timedelta(59)
    token.last_used_address = "203.0.113.7"
    body = str(reminder_mail([reminder(token)], NOW).body)
    assert "Last used: 1 January 2027, 07:00 UTC from 203.0.113.7\n" in body
    assert "Not used in" not in body


# test_import_mails.py has the mail about imports.
@pytest.mark.parametrize("kind", [kind for kind in EVENT_WORDS if kind != "imported"])
def test_every_notification_has_words(issue: Issue, kind: Notification.Kind) -> None:
    token, _ = issue()
    message = event_mail([Notification(token=token, kind=kind, detail="203.0.113.7")])
    assert message.subject.startswith("“Production API” was ")
    assert "203.0.113.7" in str(message.body)
    page = {"offered": "/settings/tokens/offers/", "handed_over": "/settings/tokens/"}
    path = page.get(kind, token.get_absolute_url())
    assert f"http://localhost:8000{path}" in html_of(message)
    assert len(EVENT_WORDS) + len(Reminder) == len(Notification.Kind)
    assert (
        event_mail([Notification(token=token, kind=kind)] * 2).subject
        == "2 notifications about your API tokens"
    )


def test_the_page_of_a_mail(issue: Issue) -> None:
    """The facts are a table, the link is one button, and the colours follow a dark theme."""
    token, _ = issue()
    html = html_of(
        event_mail([Notification(token=token, kind=Notification.Kind.NEW_ADDRESS, detail="::1")])
    )
    rows = re.findall(r"<th[^>]*>(.*?)</th>\s*<td[^>]*>(.*?)</td>", html, re.DOTALL)
    assert [name for name, _ in rows] == ["Token", "Environment", "First used there", "From"]
    assert dict(rows)["From"] == "::1"
    assert re.findall(r'class="button" href="([^"]*)"', html) == [
        f"http://localhost:8000{token.get_absolute_url()}"
    ]
    assert "prefers-color-scheme: dark" in html
