"""Password reset and sign-up: all answers are alike and equally quick, and mails have limits."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts import outbox
from accounts.models import User
from tests.conftest import forget_tries, signed_in
from tests.server import PASSWORD

RESET = "/accounts/password/reset/"
SIGN_UP = "/accounts/signup/"
UNKNOWN = "nobody@example.com"
each_page = pytest.mark.parametrize("path", [RESET, SIGN_UP])


@pytest.fixture(autouse=True)
def open_to_all(settings: Settings, db: None) -> None:
    settings.SIGNUP_OPEN = True
    forget_tries()


def ask(path: str, email: str, address: str = "192.0.2.1") -> Any:
    return Client(REMOTE_ADDR=address).post(path, {"email": email, "password1": PASSWORD})


@each_page
@pytest.mark.parametrize(
    "email", ["owner@example.com", "Owner@Example.COM", UNKNOWN, "pending@example.com"]
)
def test_the_request_does_the_same_for_every_address(
    path: str, email: str, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of the answer tells nothing: the outbox looks the account up, later."""
    EmailAddress.objects.create(user=owner, email="pending@example.com")
    waiting: list[Any] = []
    monkeypatch.setattr(outbox, "in_background", lambda *work: waiting.append(work))
    with CaptureQueriesContext(connection) as queries:
        answer = ask(path, email)
    assert (answer.status_code, len(waiting)) == (302, 1)
    assert [query["sql"] for query in queries if "session" not in query["sql"]] == []


def test_nobody_without_an_account_is_written_to(
    mailoutbox: list[EmailMessage], owner: User
) -> None:
    for email in (UNKNOWN, "other@thirdparty.example"):
        assert ask(RESET, email).status_code == 302
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert ask(RESET, owner.email).status_code == 302
    assert mailoutbox == []


@pytest.mark.parametrize(
    ("window", "most"),
    [(timedelta(hours=1), 3), (timedelta(days=1), 10)],
    ids=["an-hour", "a-day"],
)
def test_nobodys_mailbox_is_buried(
    owner: User, teammate: User, mailoutbox: list[EmailMessage], window: timedelta, most: int
) -> None:
    """The limit holds for all clients together. Sent links work; other people still get mails."""
    pace = timedelta(minutes=1) if most == 3 else timedelta(minutes=25)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for number in range(int(window / pace)):
            answer = ask(RESET, owner.email, f"192.0.2.{number % 250}")
            assert answer.status_code in {302, 429}
            clock.shift(pace)
        assert len(mailoutbox) == most
        assert ask(RESET, teammate.email, "198.51.100.1").status_code == 302
        clock.shift(window)
        assert ask(RESET, owner.email, "198.51.100.1").status_code == 302


@each_page
def test_one_address_has_so_many_mails_a_day(path: str) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        answers = []
        for number in range(110):
            answers.append(ask(path, f"somebody{number}@example.com").status_code)
            clock.shift(timedelta(minutes=1))
        assert answers == [302] * 100 + [429] * 10


@each_page
def test_six_addresses_keep_nobody_away(path: str, owner: User) -> None:
    for number in range(6):
        for turn in range(20):
            ask(path, f"somebody{number}-{turn}@example.com", f"192.0.2.{number}")
    assert ask(path, "me@example.com", "198.51.100.1").status_code == 302


def test_one_account_writes_to_so_many_addresses_a_day(
    owner: User, mailoutbox: list[EmailMessage]
) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = signed_in(owner)
        for number in range(60):
            client = client if number % 10 else signed_in(owner)
            client.post(
                "/accounts/email/", {"action_add": "", "email": f"somebody{number}@example.com"}
            )
            clock.shift(timedelta(minutes=1))
    assert (
        len({message.to[0] for message in mailoutbox if "confirm-email" in str(message.body)})
        == 50
    )


def test_the_owner_of_an_address_hears_that_somebody_signed_up(
    owner: User, mailoutbox: list[EmailMessage]
) -> None:
    assert ask(SIGN_UP, "Owner@Example.com")["Location"] == "/accounts/confirm-email/"
    assert [message.subject for message in mailoutbox] == ["You already have an account"]
    assert User.objects.count() == 1
    for _ in range(3):
        ask(SIGN_UP, owner.email, "192.0.2.9")
    assert len(mailoutbox) == 1  # in three minutes


def test_who_signs_up_confirms_and_is_in(mailoutbox: list[EmailMessage]) -> None:
    ask(SIGN_UP, "New@Example.com")
    user = User.objects.get(email="new@example.com")
    assert user.check_password(PASSWORD)
    client = Client()
    form = {"login": user.email, "password": PASSWORD}
    assert client.post("/accounts/login/", form)["Location"] == "/accounts/confirm-email/"
    link = str(mailoutbox[0].body).split("http://localhost:8000")[1].split()[0]
    Client().post(link)
    assert client.post("/accounts/login/", form)["Location"] == "/settings/tokens/"


@pytest.mark.parametrize(
    "form", [{"email": "x"}, {"email": ""}, {"email": "a" * 250 + "@example.com"}]
)
@each_page
def test_what_is_wrong_is_said(
    path: str, form: dict[str, str], mailoutbox: list[EmailMessage]
) -> None:
    answer = Client().post(path, {**form, "password1": PASSWORD})
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert mailoutbox == []
