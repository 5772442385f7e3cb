"""A real server whose mail server refuses, hangs or is away."""

import socket
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
import requests
from aiosmtpd.controller import Controller

from tests.run import patience, until
from tests.server import PASSWORD, Installation, Server, free_port

RESET = "/accounts/password/reset/"
SIGN_UP = "/accounts/signup/"
SENDER = "Tokens of Example <tokens@example.com>"
PROBLEMS = (
    "from accounts.models import Notification;"
    " print(*Notification.objects.values_list('problem', flat=True))"
)


class MailServer:
    """Refuses every sender until told otherwise."""

    refuses = True

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.greetings: list[str] = []
        self.port = free_port()

    async def handle_MAIL(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.refuses:
            return "553 5.7.1 Sender address rejected: not owned by user"
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.greetings.append(session.host_name)
        self.messages.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"


@pytest.fixture
def mail_server(installation: Installation) -> Iterator[MailServer]:
    made = MailServer()
    controller = Controller(made, hostname="127.0.0.1", port=made.port)
    controller.start()
    installation.settings.update(
        EMAIL_URL=f"smtp://127.0.0.1:{made.port}", MAIL_FROM=SENDER, SIGNUP_OPEN="true",
        SITE_URL="http://tokens.example.com", ALLOWED_HOSTS="localhost",
    )  # fmt: skip
    yield made
    controller.stop()


def post(server: Server, path: str, email: str) -> int:
    """Return the status of the answer."""
    with requests.Session() as session:
        session.get(server.url + path, timeout=patience(5))
        form = {
            "email": email,
            "password1": PASSWORD,
            "csrfmiddlewaretoken": session.cookies["tokenry_csrftoken"],
        }
        return session.post(
            server.url + path, form, timeout=patience(15), allow_redirects=False
        ).status_code


def test_a_refusal_is_kept_and_the_next_server_sends(
    installation: Installation, mail_server: MailServer
) -> None:
    server = installation.server().start()
    assert post(server, RESET, installation.email) == 302
    assert post(server, SIGN_UP, "new@example.com") == 302

    def refused() -> None:
        assert server.run(PROBLEMS) == "553 5.7.1 Sender address rejected: not owned by user"

    until(refused, AssertionError)
    mail_server.refuses = False
    assert server.stop() == 0
    assert "could not be sent, try 1: 553 5.7.1 Sender address rejected" in server.log.read_text()
    late = "from accounts.models import Notification; from django.utils import timezone;"
    server.run(late + "Notification.objects.update(due_at=timezone.now())")
    installation.server().start()

    def sent() -> None:
        assert {message["To"] for message in mail_server.messages} == {
            installation.email,
            "new@example.com",
        }

    until(sent, AssertionError)
    for message in mail_server.messages:
        assert message["From"] == SENDER
        assert message["Message-ID"].endswith("@tokens.example.com>")
        text = message.get_body(("plain",))
        assert text
        assert "http://tokens.example.com/accounts/" in text.get_content()
    assert set(mail_server.greetings) == {"tokens.example.com"}


def test_a_mail_server_that_hangs_holds_no_page_up(
    installation: Installation, mail_server: MailServer
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        installation.settings["EMAIL_URL"] = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        server = installation.server().start()
        for email in (installation.email, "nobody@example.com"):
            assert post(server, RESET, email) == 302
