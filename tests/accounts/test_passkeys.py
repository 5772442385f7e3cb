"""What a passkey may do, and what a security key that is only a second factor may not."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.conftest import signed_in
from tests.keys import Key
from tests.server import PASSWORD

SIGN_IN = "/accounts/2fa/webauthn/login/"
SECOND = "/accounts/2fa/authenticate/"
LOGOUT = "/accounts/logout/"
TOKENS = "/settings/tokens/"


def add(
    user: User, *, passwordless: bool, pin: bool, results: dict[str, Any] | None = None
) -> Key:
    """Return a key that is added to the account of `user`."""
    key = Key(user, pin=pin)
    assert key.add(signed_in(user), passwordless=passwordless, results=results).status_code == 302
    return key


def challenge_to_sign_in(client: Client) -> str:
    answer = client.get(SIGN_IN, headers={"X-Requested-With": "XMLHttpRequest"}).json()
    assert answer["request_options"]["publicKey"]["userVerification"] == "required"
    return str(answer["request_options"]["publicKey"]["challenge"])


def second_step(client: Client, user: User) -> str:
    """Sign in by password, and return the challenge of the second step."""
    page = client.post(
        "/accounts/login/", {"login": user.email, "password": PASSWORD}, follow=True
    )
    assert page.redirect_chain[-1][0].startswith(SECOND)
    return str(page.context["js_data"]["request_options"]["publicKey"]["challenge"])


def sign_in(client: Client, key: Key, challenge: str, path: str = SIGN_IN) -> Any:
    return client.post(path, {"credential": json.dumps(key.assertion(challenge))})


def is_signed_in(client: Client) -> bool:
    return client.get(TOKENS).status_code == 200


@pytest.mark.parametrize("results", [{"credProps": {"rk": True}}, {}], ids=["says-so", "silent"])
def test_a_passkey_signs_in_alone(owner: User, client: Client, results: dict[str, Any]) -> None:
    """Also one of a browser that does not say whether the key holds the account."""
    key = add(owner, passwordless=True, pin=True, results=results)
    assert sign_in(client, key, challenge_to_sign_in(client))["Location"] == TOKENS
    assert is_signed_in(client)


@pytest.mark.parametrize(
    "results", [{"credProps": {"rk": True}}, {"credProps": {"rk": False}}, {}, {"credProps": 1}]
)
def test_a_second_factor_never_signs_in_alone(
    owner: User, client: Client, results: dict[str, Any]
) -> None:
    """Not with a PIN either, and not where the browser says that the key could."""
    key = add(owner, passwordless=False, pin=True, results=results)
    assert sign_in(client, key, challenge_to_sign_in(client))["Location"] == reverse(
        "account_login"
    )
    assert not is_signed_in(client)
    assert sign_in(client, key, second_step(client, owner), SECOND)["Location"] == TOKENS


def test_a_key_without_pin_is_no_passkey(owner: User) -> None:
    assert Key(owner, pin=False).add(signed_in(owner), passwordless=True).status_code == 200
    key = Key(owner, pin=True)
    assert key.add(signed_in(owner), passwordless=True).status_code == 302
    key.pin = False
    client = Client()
    assert sign_in(client, key, challenge_to_sign_in(client))["Location"] == reverse(
        "account_login"
    )


@pytest.mark.parametrize("passwordless", [True, False])
@pytest.mark.parametrize("cancel", [True, False])
def test_the_challenge_of_ones_own_second_step_lets_nobody_else_in(
    owner: User, teammate: User, client: Client, passwordless: bool, cancel: bool
) -> None:
    add(teammate, passwordless=False, pin=False)
    theirs = add(owner, passwordless=passwordless, pin=True)
    theirs.pin = False
    challenge = second_step(client, teammate)
    if cancel:
        client.post(LOGOUT)
    assert sign_in(client, theirs, challenge)["Location"] == (
        reverse("account_login") if cancel else SECOND
    )
    assert not is_signed_in(client)


def test_cancel_drops_the_challenge(owner: User, client: Client) -> None:
    key = add(owner, passwordless=True, pin=True)
    challenge = second_step(client, owner)
    client.post(LOGOUT)
    assert sign_in(client, key, challenge)["Location"] == reverse("account_login")
    assert not is_signed_in(client)


def test_a_challenge_is_good_for_one_answer(owner: User, teammate: User, client: Client) -> None:
    key, other = add(owner, passwordless=True, pin=True), Key(teammate, pin=True)
    challenge = challenge_to_sign_in(client)
    assert sign_in(client, other, challenge)["Location"] == reverse("account_login")
    assert sign_in(client, key, challenge)["Location"] == reverse("account_login")
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "path", ["/accounts/reauthenticate/code/", "/accounts/reauthenticate/code/confirm/"]
)
def test_nobody_confirms_who_they_are_by_a_mailed_code(
    owner: User, path: str, mailoutbox: list[Any]
) -> None:
    client = signed_in(owner, seconds_ago=3600)
    assert [
        client.get(path).status_code,
        client.post(path, {"recipient": owner.email}).status_code,
    ] == [403, 403]
    assert mailoutbox == []
    assert client.get("/accounts/reauthenticate/").context["reauthentication_alternatives"] == []
