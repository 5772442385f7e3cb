"""Sign-in and sign-out, for people and for administrators alike."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.sessions.models import Session
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts import allauth_texts
from accounts.models import User
from tests.server import PASSWORD

PATH = "/accounts/login/"


@pytest.mark.parametrize("email", ["owner@example.com", "Owner@Example.COM"])
def test_by_e_mail(owner: User, client: Client, email: str) -> None:
    response = client.post(PATH, {"login": email, "password": PASSWORD})
    assert (response.status_code, response["Location"]) == (302, "/settings/tokens/")


def test_returns_to_where_it_was_asked(owner: User, client: Client) -> None:
    response = client.post(
        PATH, {"login": owner.email, "password": PASSWORD, "next": "/settings/activity/"}
    )
    assert response["Location"] == "/settings/activity/"
    other = Client().post(
        PATH, {"login": owner.email, "password": PASSWORD, "next": "https://evil.example/"}
    )
    assert other["Location"] == "/settings/tokens/"


@pytest.mark.parametrize("email", ["owner@example.com", "nobody@example.com"])
def test_wrong_says_the_same_of_known_and_unknown(owner: User, client: Client, email: str) -> None:
    response = client.post(PATH, {"login": email, "password": "wrong"})
    assert response.status_code == 200
    assert "The email address or the password is wrong." in response.content.decode()


def try_it(email: str, password: str = PASSWORD, address: str = "192.0.2.1") -> Any:
    return Client(REMOTE_ADDR=address).post(PATH, {"login": email, "password": password})


def test_twenty_wrong_passwords(owner: User, teammate: User) -> None:
    """Five tries in five minutes. More are refused, for this person at this address only."""
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        assert [try_it(owner.email, "wrong").status_code for _ in range(20)] == [200] * 5 + [
            429
        ] * 15
        refused = try_it(owner.email)
        assert (refused.status_code, refused["Retry-After"]) == (429, "300")
        assert allauth_texts.TOO_MANY in refused.content.decode()
        assert refused.context["form"]["login"].value() == owner.email
        assert not refused.wsgi_request.user.is_authenticated
        assert try_it(teammate.email)["Location"] == "/settings/tokens/"
        assert try_it(teammate.email, address="192.0.2.2")["Location"] == "/settings/tokens/"
        assert try_it(owner.email, address="192.0.2.2")["Location"] == "/settings/tokens/"
        clock.shift(timedelta(minutes=5, seconds=1))
        assert try_it(owner.email)["Location"] == "/settings/tokens/"


def test_twenty_wrong_passwords_in_an_hour_are_enough(owner: User) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        for _ in range(20):
            assert try_it(owner.email, "wrong").status_code == 200
            clock.shift(timedelta(seconds=100))
        assert try_it(owner.email).status_code == 429
        clock.shift(timedelta(minutes=60))
        assert try_it(owner.email).status_code == 302


def test_one_account_from_many_addresses(owner: User, teammate: User) -> None:
    for number in range(100):
        assert try_it(owner.email, "wrong", f"192.0.2.{number}").status_code == 200
    assert try_it(owner.email, address="192.0.2.200").status_code == 429
    assert try_it(teammate.email, address="192.0.2.200").status_code == 302


def test_many_accounts_from_one_address(owner: User) -> None:
    statuses = [try_it(f"nobody{number}@example.com", "wrong").status_code for number in range(61)]
    assert statuses == [200] * 60 + [429]
    assert try_it(owner.email, address="192.0.2.2").status_code == 302


def test_good_passwords_use_nothing_up(owner: User) -> None:
    assert [try_it(owner.email).status_code for _ in range(25)] == [302] * 25


def test_a_new_password_lifts_the_refusal(owner: User, mailoutbox: list[EmailMessage]) -> None:
    for _ in range(6):
        refused = try_it(owner.email, "wrong", "127.0.0.1")
    assert refused.status_code == 429
    client = Client()
    client.post("/accounts/password/reset/", {"email": owner.email})
    link = re.findall(
        r"http://localhost:8000(/accounts/password/reset/key/\S+)", str(mailoutbox[0].body)
    )[0]
    form = client.get(link, follow=True)
    new = "another correct horse"
    client.post(form.redirect_chain[-1][0], {"password1": new, "password2": new})
    assert try_it(owner.email, new, "127.0.0.1")["Location"] == "/settings/tokens/"


@time_machine.travel("2026-11-22 12:00Z", tick=False)
def test_an_address_that_tries_without_end(owner: User, settings: Settings) -> None:
    assert settings.ACCOUNT_RATE_LIMITS["login"] == "120/m/ip"
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "login": "4/m/ip"}
    for _ in range(4):
        answer = try_it(owner.email)
        assert answer.status_code == 302
    refused = try_it(owner.email)
    assert (refused.status_code, refused["Retry-After"]) == (429, "300")
    assert "Too many tries" in refused.content.decode()


@time_machine.travel("2026-11-22 12:00Z", tick=False)
def test_passkey_challenges_without_end(db: None, settings: Settings) -> None:
    """Each challenge is stored in a session of its own."""
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "login": "4/m/ip"}
    path = "/accounts/2fa/webauthn/login/"
    assert reverse("mfa_login_webauthn") == path
    answers = [
        Client().get(path, headers={"Accept": "application/json"}).status_code for _ in range(6)
    ]
    assert (answers, Session.objects.count()) == ([200] * 4 + [429] * 2, 4)


def test_wrong_codes_are_refused_too(owner: User) -> None:
    Authenticator.objects.create(
        user=owner, type=Authenticator.Type.TOTP, data={"secret": "JBSWY3DPEHPK3PXP"}
    )
    client = Client()
    client.post(PATH, {"login": owner.email, "password": PASSWORD})
    answers = [client.post("/accounts/2fa/authenticate/", {"code": "000000"}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert allauth_texts.ERRORS["incorrect_code"] in answers[0].content.decode()
    assert allauth_texts.TOO_MANY in answers[5].content.decode()


def test_switched_off(owner: User, client: Client) -> None:
    owner.is_active = False
    owner.save()
    response = client.post(PATH, {"login": owner.email, "password": PASSWORD})
    assert not response.wsgi_request.user.is_authenticated


def test_sign_out_asks_for_a_post(owner_client: Client) -> None:
    assert owner_client.get("/accounts/logout/").wsgi_request.user.is_authenticated
    response = owner_client.post("/accounts/logout/")
    assert response["Location"] == PATH
    assert owner_client.get("/settings/tokens/").status_code == 302


def test_sign_up_is_closed(client: Client) -> None:
    response = client.post(
        "/accounts/signup/", {"email": "new@example.com", "password1": PASSWORD}
    )
    assert not User.objects.exists()
    assert "closed" in response.content.decode()


test_sign_up_is_closed = pytest.mark.django_db(test_sign_up_is_closed)


def test_passwords_are_argon2id(owner: User, settings: Settings) -> None:
    from config import settings as shipped

    settings.PASSWORD_HASHERS = shipped.PASSWORD_HASHERS
    owner.set_password("another good one")
    assert owner.password.startswith("argon2$argon2id$")
    assert Argon2PasswordHasher().verify("another good one", owner.password)


def test_htmx_is_sent_to_sign_in_whole(stranger_client: Client) -> None:
    headers = {
        "HX-Request": "true",
        "HX-Current-URL": "http://testserver/settings/tokens/new/?name=A",
    }
    response = stranger_client.post("/settings/tokens/new/", headers=headers)
    assert response.status_code == 200
    assert response["HX-Redirect"] == "/accounts/login/?next=/settings/tokens/new/%3Fname%3DA"
    assert response.content == b""


@pytest.mark.parametrize("address", ["http://[x", "", "//"])
def test_a_nonsense_current_url_is_no_failure(
    owner_client: Client, stranger_client: Client, address: str
) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": address}
    assert stranger_client.get("/settings/tokens/", headers=headers).status_code == 200
    assert owner_client.get("/settings/tokens/", headers=headers).status_code == 200


def test_nobody_takes_an_address_that_is_not_verified(owner: User, owner_client: Client) -> None:
    for action in ("action_add", "action_primary"):
        owner_client.post("/accounts/email/", {action: "", "email": "ceo@example.com"})
    owner.refresh_from_db()
    assert owner.email == "owner@example.com"


def test_the_reset_link_leads_to_site_url(
    owner: User, client: Client, mailoutbox: list[EmailMessage]
) -> None:
    client.post(
        "/accounts/password/reset/", {"email": owner.email}, headers={"Host": "127.0.0.1:31337"}
    )
    assert "http://localhost:8000/accounts/password/reset/key/" in str(mailoutbox[0].body)
    assert "31337/accounts" not in str(mailoutbox[0].body)


@pytest.mark.django_db
def test_home_leads_to_the_tokens(client: Client) -> None:
    assert client.get("/")["Location"] == "/settings/tokens/"
