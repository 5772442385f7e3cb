"""manage.py reset_second_factor: for somebody who lost phone, codes and keys."""

import sys
from io import StringIO

import pyotp
import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.usersessions.models import UserSession
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User
from tests.server import PASSWORD
from tokens.models import Event

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
KEY = {"type": "webauthn", "data": {"name": "Key 1", "credential": {}}}


def reset(email: str, *options: str) -> str:
    said = StringIO()
    call_command("reset_second_factor", email, *options, stdout=said)
    return said.getvalue()


def sign_in() -> Client:
    client = Client()
    client.post("/accounts/login/", {"login": "owner@example.com", "password": PASSWORD})
    return client


@pytest.fixture
def with_factors(owner: User, teammate: User) -> User:
    for user in (owner, teammate):
        TOTP.activate(user, SECRET)
        RecoveryCodes.activate(user)
        for _ in range(2):
            Authenticator.objects.create(user=user, **KEY)
    return owner


@pytest.mark.django_db(transaction=True)  # mails go on commit
def test_they_are_removed_and_everything_says_so(
    with_factors: User, mailoutbox: list[EmailMessage]
) -> None:
    before = sign_in()
    before.post("/accounts/2fa/authenticate/", {"code": pyotp.TOTP(SECRET).now()})
    assert before.get("/settings/profile/").status_code == 200

    said = reset(" Owner@Example.com", "--yes")

    assert said == (
        "Removed from owner@example.com: authenticator app, passkey or security key,"
        " recovery codes. All sessions have ended, and a mail is on its way.\n"
    )
    assert set(Authenticator.objects.values_list("user__email", flat=True)) == {
        "teammate@example.com"
    }
    assert before.get("/settings/profile/").status_code == 302
    assert not UserSession.objects.filter(user=with_factors).exists()
    events = [
        (event.kind, event.detail, event.who)
        for event in reversed(Event.objects.owned_by(with_factors))
    ][1:]
    assert events == [
        ("factor_removed", "Authenticator app", "the command line"),
        ("factor_removed", "Recovery codes", "the command line"),
        ("factor_removed", "Passkey or security key", "the command line"),
        ("factor_removed", "Passkey or security key", "the command line"),
        ("session_ended", "Unknown program, 127.0.0.1", "the command line"),
    ]
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == (["owner@example.com"], "Your second factors were removed")
    assert (
        "Account: owner@example.com\n"
        "Removed: authenticator app, passkey or security key, recovery codes\n"
        "When: "
    ) in str(mail.body)
    assert sign_in().get("/settings/profile/").status_code == 200  # by the password alone


def test_nobody_at_the_terminal(with_factors: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO("yes\n"))
    with pytest.raises(
        CommandError, match=r"this is no terminal: add --yes\. Nothing was changed\.$"
    ):
        reset("owner@example.com")
    assert Authenticator.objects.filter(user=with_factors).count() == 4


@pytest.mark.parametrize(("answer", "left"), [("no", 4), ("", 4), ("y", 4), (None, 4), ("Yes", 0)])
def test_somebody_at_the_terminal(
    with_factors: User, monkeypatch: pytest.MonkeyPatch, answer: str | None, left: int
) -> None:
    asked: list[str] = []

    def reply(question: str) -> str:
        asked.append(question)
        if answer is None:  # Ctrl-D
            raise EOFError
        return answer

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", reply)
    if left:
        with pytest.raises(CommandError, match=r"^Nothing was changed\.$"):
            reset("owner@example.com")
    else:
        reset("owner@example.com")
    assert Authenticator.objects.filter(user=with_factors).count() == left
    assert "authenticator app" in asked[0]


@pytest.mark.parametrize(
    ("email", "words"),
    [
        (
            "nobody@example.com",
            "No account has the address nobody@example.com. Nothing was changed.",
        ),
        ("owner@example.com", "owner@example.com has no second factor. Nothing was changed."),
    ],
)
def test_nothing_to_remove(owner: User, email: str, words: str) -> None:
    with pytest.raises(CommandError) as raised:
        reset(email, "--yes")
    assert str(raised.value) == words
