"""Events of an account are recorded for its owner, on each page and in the administration."""

import re
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import AnonymousUser
from django.core.mail import EmailMessage
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts.audit_signals import EVENTS, send_event
from accounts.models import User
from tests.conftest import forget_tries, signed_in
from tests.server import PASSWORD
from tokens.models import AccountKind, Event, origin_columns
from tokens.usage.recorder import MAX_WRONG_PASSWORDS, recorder

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NEW = "another correct horse"


def written(user: User) -> list[tuple[str, str]]:
    """Return the events of the account, the oldest first, with the actor if not the owner."""
    return [
        (
            event.kind,
            event.detail if event.who == "you" else f"{event.detail} by {event.who}".strip(),
        )
        for event in reversed(Event.objects.owned_by(user))
    ]


def sign_in(password: str = PASSWORD, email: str = "owner@example.com", **extra: Any) -> Client:
    client = Client()
    client.post("/accounts/login/", {"login": email, "password": password}, **extra)
    return client


def test_signing_in_and_out(owner: User) -> None:
    sign_in(HTTP_USER_AGENT="Firefox", REMOTE_ADDR="203.0.113.7").post("/accounts/logout/")
    assert written(owner) == [("signed_in", ""), ("signed_out", "")]
    event = Event.objects.earliest("at")
    assert (event.actor, event.address, event.user_agent) == (owner, "203.0.113.7", "Firefox")
    assert (event.token, event.token_name, event.identifier) == (None, "", "")


def test_a_wrong_password_is_written_later_and_for_accounts_alone(owner: User) -> None:
    """The request does the same with and without an account: it keeps the address as typed."""
    for email in ("Owner@Example.com", "nobody@example.com"):
        sign_in("wrong", email, REMOTE_ADDR="203.0.113.9")
    assert not Event.objects.exists()
    assert [email for email, _, _ in recorder._wrong_passwords.items] == [
        "owner@example.com",
        "nobody@example.com",
    ]
    recorder.flush()
    recorder.flush()
    assert written(owner) == [("wrong_password", "by nobody signed in")]
    assert Event.objects.get().address == "203.0.113.9"


def test_a_wrong_password_at_confirm(owner: User) -> None:
    signed_in(owner, seconds_ago=3600).post("/accounts/reauthenticate/", {"password": "wrong"})
    [(_, _, origin)] = recorder._wrong_passwords.items
    assert {type(value) for value in origin.values()} <= {int, str}  # no request, no password
    recorder.flush()
    assert written(owner) == [("wrong_password", "")]


def test_a_flood_of_guesses_is_cut_short(owner: User) -> None:
    for _ in range(MAX_WRONG_PASSWORDS + 1):
        recorder.record_wrong_password(owner.email, timezone.now(), origin_columns(None))
    recorder.flush()
    assert Event.objects.count() == MAX_WRONG_PASSWORDS


def test_a_database_that_is_away_stops_nothing_else(
    owner: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*args: Any) -> None:
        raise OperationalError("away")

    closed: list[bool] = []
    monkeypatch.setattr(Event, "record_wrong_passwords", away)
    monkeypatch.setattr("tokens.usage.recorder.connection.close", lambda: closed.append(True))
    sign_in("wrong")
    recorder.flush()
    assert "1 wrong passwords could not be written down: away" in caplog.text
    assert (closed, recorder._wrong_passwords.items) == ([True, True], [])


def test_a_connection_that_was_closed_meanwhile_costs_no_guess(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_wrong_passwords = Event.record_wrong_passwords

    def closed(*args: Any) -> None:
        monkeypatch.setattr(Event, "record_wrong_passwords", record_wrong_passwords)
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(Event, "record_wrong_passwords", closed)
    monkeypatch.setattr("tokens.usage.recorder.connection.close", lambda: None)
    sign_in("wrong")
    recorder.flush()
    assert Event.objects.get().kind == "wrong_password"


def test_passwords(owner: User, mailoutbox: list[EmailMessage]) -> None:
    signed_in(owner).post(
        "/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    )
    Client().post("/accounts/password/reset/", {"email": owner.email})
    path = re.findall(
        r"http://localhost:8000(/accounts/password/reset/key/\S+)", str(mailoutbox[-1].body)
    )[0]
    someone = Client()
    form = someone.get(path)["Location"]
    assert someone.post(form, {"password1": PASSWORD, "password2": PASSWORD}).status_code == 302
    assert written(owner)[:2] == [
        ("password_changed", ""),
        ("password_reset", "by nobody signed in"),
    ]


def test_a_new_address(owner: User, owner_client: Client, mailoutbox: list[EmailMessage]) -> None:
    owner_client.post("/accounts/email/", {"email": "old@example.com", "action_add": ""})
    owner_client.post("/settings/profile/address/", {"cancel": ""})
    forget_tries()
    owner_client.post("/accounts/email/", {"email": "new@example.com", "action_add": ""})
    path = re.findall(
        r"http://localhost:8000(/accounts/confirm-email/\S+)", str(mailoutbox[-1].body)
    )[0]
    owner_client.post(path)
    owner.refresh_from_db()
    assert owner.email == "new@example.com"
    assert written(owner) == [
        ("email_added", "old@example.com"),
        ("email_removed", "old@example.com"),
        ("email_added", "new@example.com"),
        ("email_changed", "new@example.com"),
    ]


@pytest.mark.django_db(transaction=True)  # allauth tells of some of it on commit
def test_second_factors(owner: User, owner_client: Client) -> None:
    owner_client.get("/accounts/2fa/totp/activate/")
    code = pyotp.TOTP(owner_client.session["mfa.totp.secret"]).now()
    for page, typed in (
        ("totp/activate", {"code": code}),
        ("recovery-codes/generate", {}),
        ("totp/deactivate", {}),
    ):
        assert owner_client.post(f"/accounts/2fa/{page}/", typed).status_code == 302
    assert not Authenticator.objects.exists()
    assert written(owner) == [
        ("factor_added", "Authenticator app"),
        ("codes_made", ""),
        ("codes_made", ""),
        ("factor_removed", "Authenticator app"),
        ("factor_removed", "Recovery codes"),
    ]


def test_codes(owner: User) -> None:
    TOTP.activate(owner, SECRET)
    code = RecoveryCodes.activate(owner).get_unused_codes()[0]
    client = sign_in()
    client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    client.post("/accounts/2fa/authenticate/", {"code": code})
    assert written(owner) == [
        ("wrong_code", "by nobody signed in"),
        ("code_used", "by nobody signed in"),
        ("signed_in", ""),
    ]
    assert code not in str(Event.objects.values())


def test_ended_sessions(owner: User) -> None:
    sign_in(
        HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    )
    session = UserSession.objects.get(user=owner)
    signed_in(owner).post("/settings/sessions/", {"session": session.pk})
    assert written(owner) == [("signed_in", ""), ("session_ended", "Firefox on Linux, 127.0.0.1")]


def test_administration(owner: User, administrator: User) -> None:
    client = signed_in(administrator)
    client.post("/admin/accounts/user/add/", {"email": "new@example.com", "name": "New"})
    assert written(User.objects.get(email="new@example.com")) == [
        ("signed_up", "by an administrator")
    ]
    client.post(f"/admin/accounts/user/{owner.pk}/change/", {"email": owner.email})
    password = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    client.post(f"/admin/accounts/user/{owner.pk}/password/", password)
    assert written(owner) == [
        ("administered", "Changed Is active. by an administrator"),
        ("administered", "Changed password. by an administrator"),
    ]


def test_signing_up(db: None, settings: Any) -> None:
    settings.SIGNUP_OPEN = True
    Client().post("/accounts/signup/", {"email": "new@example.com", "password1": NEW})
    assert written(User.objects.get(email="new@example.com")) == [
        ("signed_up", "by nobody signed in")
    ]


def test_what_is_said_has_words(owner: User) -> None:
    assert {AccountKind(what) for what in EVENTS.values()} < set(AccountKind)
    with pytest.raises(ValueError, match="'nonsense' is not a valid AccountKind"):
        send_event(owner, "nonsense", None)
    send_event(None, "signed_out", None)
    assert not Event.objects.exists()


def test_what_is_too_long_or_secret_is_cut(owner: User) -> None:
    request = RequestFactory().get(
        "/", headers={"User-Agent": "tkn_live_" + "a" * 64 + " " + "x" * 300}
    )
    request.user = AnonymousUser()
    send_event(owner, "email_added", request, "x" * 250 + "@example.com")
    event = Event.objects.get()
    assert (len(event.detail), len(event.user_agent)) == (200, 200)
    assert "a" * 20 not in event.user_agent


def test_a_deleted_account_leaves_no_address_behind(owner: User, owner_client: Client) -> None:
    EmailAddress.objects.create(user=owner, email="new@example.com")
    send_event(owner, "email_added", None, "new@example.com")
    assert owner_client.post("/settings/profile/delete/").status_code == 302
    assert not User.objects.exists()
    for event in Event.objects.all():
        assert (event.owner, event.actor, event.detail, event.address, event.user_agent) == (
            None,
            None,
            "",
            None,
            "",
        )
    assert [event.kind for event in Event.objects.all()] == ["signed_out", "email_added"]


def test_guesses_at_an_account_that_went_meanwhile(owner: User) -> None:
    sign_in("wrong")
    owner.delete()
    recorder.flush()
    assert Event.objects.count() == 0


def test_the_time_of_a_guess_is_its_own(owner: User) -> None:
    before = timezone.now() - timedelta(minutes=1)
    recorder.record_wrong_password(owner.email, before, origin_columns(None))
    recorder.flush()
    assert Event.objects.get().at == before
