"""config.mail_backend and tokens.notifications.mail_server: many mails over one connection."""

from collections.abc import Iterator
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.core.mail import EmailMultiAlternatives
from pytest_django import Settings

from config import mail_backend
from config.environment.variables import email_settings
from tests.server import free_port
from tokens.notifications.mail_server import MAX_FAILURES, MailServer


class Relay:
    """A mail server that counts its connections, and ends one after `most` mails."""

    def __init__(self) -> None:
        self.port = free_port()
        self.connections = 0
        self.subjects: list[str] = []
        self.most: int | None = None

    async def handle_EHLO(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, name: str, answers: list[str]
    ) -> list[str]:
        session.host_name = name
        self.connections += 1
        session.mails = 0
        return answers

    async def handle_MAIL(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if session.mails == self.most:
            return "421 4.7.0 Too many messages in this session"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address.startswith("nobody"):
            return "550 5.1.1 No such box"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        session.mails += 1
        self.subjects += [
            line[9:]
            for line in envelope.content.decode().splitlines()
            if line.startswith("Subject: ")
        ]
        return "250 OK"


@pytest.fixture
def relay(settings: Settings) -> Iterator[Relay]:
    made = Relay()
    for name, value in email_settings(f"smtp://127.0.0.1:{made.port}").items():
        setattr(settings, name, value)
    controller = Controller(made, hostname="127.0.0.1", port=made.port)
    controller.start()
    yield made
    controller.stop()


@pytest.fixture
def server() -> Iterator[MailServer]:
    made = MailServer()
    yield made
    made.close()


def mail(number: int, to: str = "ada@example.com") -> EmailMultiAlternatives:
    return EmailMultiAlternatives(str(number), "Text", to=[to])


def test_many_mails_take_one_connection(relay: Relay, server: MailServer) -> None:
    for number in range(20):
        server.send(mail(number))
    assert (relay.connections, relay.subjects) == (1, [str(number) for number in range(20)])


def test_a_connection_serves_only_so_many(
    relay: Relay, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_backend, "MAX_MAILS", 5)
    for number in range(11):
        server.send(mail(number))
    assert (relay.connections, len(relay.subjects)) == (3, 11)


def test_a_connection_that_the_server_ends_loses_no_mail(relay: Relay, server: MailServer) -> None:
    relay.most = 4
    for number in range(10):
        server.send(mail(number))
    assert relay.connections == 3
    assert relay.subjects == [str(number) for number in range(10)]


def test_a_server_that_refuses_at_once_is_not_asked_twice(
    relay: Relay, server: MailServer
) -> None:
    relay.most = 0
    with pytest.raises(OSError, match="421"):
        server.send(mail(1))
    assert relay.connections == 1


def test_a_refused_recipient_leaves_the_connection(relay: Relay, server: MailServer) -> None:
    for number in range(2 * MAX_FAILURES):
        with pytest.raises(SMTPRecipientsRefused):
            server.send(mail(number, to="nobody@example.com"))
    assert not server.is_away
    server.send(mail(9))
    assert (relay.connections, relay.subjects) == (1, ["9"])


def test_a_server_is_away_after_some_failures_in_a_row(
    settings: Settings, server: MailServer
) -> None:
    for name, value in email_settings(f"smtp://127.0.0.1:{free_port()}").items():
        setattr(settings, name, value)
    nobody = MailServer()
    for _ in range(MAX_FAILURES):
        assert not nobody.is_away
        with pytest.raises(ConnectionRefusedError):
            nobody.send(mail(1))
    assert nobody.is_away
