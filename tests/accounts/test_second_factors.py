"""Codes and keys: each code good once, secrets encrypted, and nonsense a wrong answer."""

from datetime import timedelta
from typing import Any

import pyotp
import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from tests.conftest import forget_tries, signed_in
from tests.server import PASSWORD

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SECOND = "/accounts/2fa/authenticate/"
CONFIRM = "/accounts/2fa/reauthenticate/"


@pytest.fixture
def app(owner: User) -> pyotp.TOTP:
    TOTP.activate(owner, SECRET)
    return pyotp.TOTP(SECRET)


def after_the_password() -> Client:
    """A browser that is asked for the second step."""
    client = Client()
    asked = client.post("/accounts/login/", {"login": "owner@example.com", "password": PASSWORD})
    assert asked["Location"].startswith(SECOND)
    return client


def test_a_code_is_good_once_for_as_long_as_it_is_taken(app: pyotp.TOTP) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        code = app.at(
            start + timedelta(seconds=30)
        )  # of the period to come: taken for the longest time
        assert after_the_password().post(SECOND, {"code": code}).status_code == 302
        for _ in range(4):
            again = after_the_password().post(SECOND, {"code": f"{code[:3]} {code[3:]}"})
            assert (again.status_code, "code is wrong" in again.content.decode()) == (200, True)
            clock.shift(timedelta(seconds=20))
        assert (
            after_the_password().post(SECOND, {"code": app.at(timezone.now())}).status_code == 302
        )


def test_a_code_is_good_once_across_sign_in_and_confirm(app: pyotp.TOTP, owner: User) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        code = app.at(start + timedelta(seconds=30))
        assert after_the_password().post(SECOND, {"code": code}).status_code == 302
        clock.shift(timedelta(seconds=31))
        assert signed_in(owner, seconds_ago=3600).post(CONFIRM, {"code": code}).status_code == 200


def test_secrets_are_encrypted(app: pyotp.TOTP, owner: User) -> None:
    codes = RecoveryCodes.activate(owner).get_unused_codes()
    for row in Authenticator.objects.all():
        kept = row.data.get("secret") or row.data["seed"]
        assert kept.startswith("gAAAAA")
        assert SECRET not in str(row.data)
    assert after_the_password().post(SECOND, {"code": app.now()}).status_code == 302
    assert after_the_password().post(SECOND, {"code": codes[0]}).status_code == 302


def test_clear_rows_from_before_are_read(owner: User) -> None:
    Authenticator.objects.create(user=owner, type="totp", data={"secret": SECRET})
    assert after_the_password().post(SECOND, {"code": pyotp.TOTP(SECRET).now()}).status_code == 302


def test_with_another_secret_key_no_code_is_right(app: pyotp.TOTP, settings: Settings) -> None:
    settings.SECRET_KEY = "another" * 10
    answer = after_the_password().post(SECOND, {"code": app.now()})
    assert "code is wrong" in answer.content.decode()


NONSENSE = [
    "", "1", "null", "x", "[]", "{}", '{"id": 1}', '{"id": "AA", "response": 1}',
    '{"response": {"userHandle": 1}}', "[" * 100_000, '{"id": ' * 50_000, "9" * 5_000,
    '{"id": %s}' % ("9" * 5_000), '{"id": "\\ud800"}',
    '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "AA",'
    ' "authenticatorData": "AA", "signature": "AA", "attestationObject": "AA",'
    ' "userHandle": "Zzzzzzzzzzzzzzzzzzzzzzzzzzzz"}}',
]  # fmt: skip


@pytest.mark.parametrize("credential", NONSENSE, ids=lambda text: text[:12])
def test_nonsense_in_place_of_a_key(owner: User, app: pyotp.TOTP, credential: str) -> None:
    def answer(client: Client, path: str) -> Any:
        client.raise_request_exception = False
        client.get(path, headers={"X-Requested-With": "XMLHttpRequest"})
        return client.post(path, {"credential": credential}).status_code

    assert answer(Client(), "/accounts/2fa/webauthn/login/") == 302
    assert answer(after_the_password(), SECOND) == 200
    forget_tries()
    assert answer(signed_in(owner), "/accounts/2fa/webauthn/add/") == 200


@pytest.mark.services
def test_counts_of_tries_are_not_washed_out() -> None:
    """In a process's own memory only 300 entries fit by default."""
    cache.set("tries", 5)
    for number in range(400):
        cache.set(f"other-{number}", 1)
    assert cache.get("tries") == 5


@pytest.mark.parametrize(
    "path", ["/admin/mfa/authenticator/", "/admin/usersessions/usersession/?q=a"]
)
def test_administration_shows_neither_factors_nor_sessions(administrator: User, path: str) -> None:
    assert signed_in(administrator).get(path).status_code == 404
