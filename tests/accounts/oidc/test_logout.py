"""Back-channel logout: the provider ends sessions."""

from base64 import urlsafe_b64encode
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from accounts.models import User
from tests.accounts.oidc.fake_provider import CONFIRM, LOGOUT, NEW_KEY, RSA_KEY, FakeProvider
from tests.conftest import signed_in
from tests.server import PASSWORD
from tokens.models import Event

pytestmark = pytest.mark.django_db
PAGE = "/settings/sessions/"


def send(token: object) -> Any:
    return Client(enforce_csrf_checks=True).post(LOGOUT, {"logout_token": token})


def is_signed_in(client: Client) -> bool:
    return client.get(PAGE).status_code == 200


def test_of_a_person(provider: FakeProvider) -> None:
    """Sessions that began there end; a session by password stays."""
    first, second = Client(), Client()
    provider.sign_in(first)
    provider.sign_in(second)
    user = User.objects.get()
    by_password = signed_in(user)
    other = Client()
    provider.claims |= {"sub": "person-2", "email": "bob@example.com"}
    provider.sign_in(other)
    response = send(provider.logout_token())
    assert (response.status_code, response.content) == (200, b"")
    assert "no-store" in response["Cache-Control"]
    visitors = (first, second, by_password, other)
    assert [is_signed_in(visitor) for visitor in visitors] == [False, False, True, True]
    events = Event.objects.filter(kind="session_ended", owner=user)
    assert len(events) == 2
    assert all("signed out at Example ID" in event.detail for event in events)


def test_of_a_session_there(provider: FakeProvider) -> None:
    first, second = Client(), Client()
    provider.claims["sid"] = "one"
    provider.sign_in(first)
    provider.claims["sid"] = "two"
    provider.sign_in(second)
    assert send(provider.logout_token(sub=None, sid="one")).status_code == 200
    assert [is_signed_in(first), is_signed_in(second)] == [False, True]
    assert send(provider.logout_token(sid="three", jti="another")).status_code == 200
    assert is_signed_in(second)
    assert send(provider.logout_token(sid="two", jti="third")).status_code == 200
    assert not is_signed_in(second)


def test_of_the_session_there_in_which_the_person_confirmed(
    provider: FakeProvider, client: Client
) -> None:
    """Who signs in there again, to confirm, has another session there."""
    provider.claims["sid"] = "one"
    provider.sign_in(client)
    provider.claims["sid"] = "two"
    assert provider.sign_in(client, CONFIRM, next=PAGE).status_code == 302
    assert send(provider.logout_token(sub=None, sid="one")).status_code == 200
    assert is_signed_in(client)
    assert send(provider.logout_token(sub=None, sid="two", jti="another")).status_code == 200
    assert not is_signed_in(client)


def test_a_confirmation_makes_no_session_the_providers(provider: FakeProvider) -> None:
    user = User.objects.create_user(email="ada@example.com", password=PASSWORD)
    provider.claims["sid"] = "one"
    provider.sign_in(Client())
    by_password = signed_in(user)
    assert provider.sign_in(by_password, CONFIRM, next=PAGE).status_code == 302
    assert send(provider.logout_token(sid="one")).status_code == 200
    assert is_signed_in(by_password)


@pytest.mark.parametrize("sid", [7, "a\0b", "\ud800", "s" * 501], ids=range(4))
def test_a_session_there_without_a_usable_name(
    provider: FakeProvider, client: Client, sid: object
) -> None:
    provider.claims["sid"] = sid
    assert provider.sign_in(client).status_code == 302
    assert client.session["sign_on"]["sid"] == ""
    assert send(provider.logout_token()).status_code == 200
    assert not is_signed_in(client)


def test_of_somebody_unknown(provider: FakeProvider) -> None:
    assert send(provider.logout_token(sub="nobody")).status_code == 200


def test_of_the_same_subject_elsewhere(provider: FakeProvider, client: Client) -> None:
    """A session that began at an earlier provider stays."""
    provider.sign_in(client)
    SocialAccount.objects.update(provider="https://old.example")
    assert send(provider.logout_token()).status_code == 200
    assert is_signed_in(client)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"}, {"aud": "other"}, {"iat": 1_000_000_000}, {"exp": 1},
        {"jti": None}, {"jti": ""}, {"events": None}, {"events": []},
        {"events": {"http://schemas.openid.net/event/other": {}}},
        {"events": {"http://schemas.openid.net/event/backchannel-logout": True}},
        {"nonce": "n"}, {"sub": None}, {"sub": ""}, {"sub": 7}, {"sid": "a\0b"}, {"sid": {"a": 1}},
        {"key": NEW_KEY},
    ],
)  # fmt: skip
def test_refused(provider: FakeProvider, client: Client, changes: dict[str, Any]) -> None:
    provider.sign_in(client)
    response = send(provider.logout_token(**changes))
    assert (response.status_code, response.json()) == (400, {"error": "invalid_request"})
    assert is_signed_in(client)


def test_an_id_token_is_no_logout_token(provider: FakeProvider, client: Client) -> None:
    begun = provider.begin(client)
    provider.come_back(client, begun)
    token = RSA_KEY.sign(provider.usual_claims(begun) | provider.claims)
    assert send(token).status_code == 400
    assert is_signed_in(client)


def test_sent_twice(provider: FakeProvider, client: Client) -> None:
    token = provider.logout_token()
    assert send(token).status_code == 200
    provider.sign_in(client)
    assert send(token).status_code == 400
    assert is_signed_in(client)


NESTED = urlsafe_b64encode(b"[" * 40_000).decode()


@pytest.mark.parametrize(
    "token",
    ["", "a.b.c", "e30.e30.e30", "x" * 70_000, f"{NESTED}.e30.e30"],
    ids=["empty", "letters", "objects", "long", "nested"],
)
def test_nonsense(provider: FakeProvider, token: str) -> None:
    assert send(token).status_code == 400


def test_unknown_keys_ask_the_provider_once_a_minute(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while the provider does not answer."""
    now = 1000.0
    monkeypatch.setattr("accounts.oidc.documents.time.monotonic", lambda: now)
    assert send(provider.logout_token(NEW_KEY)).status_code == 400
    assert provider.asked["/keys"] == 1
    now += 61
    provider.status = 503
    for _ in range(3):
        assert send(provider.logout_token(NEW_KEY)).status_code == 400
    assert provider.asked["/keys"] == 2


def test_by_password_and_provider(provider: FakeProvider, client: Client) -> None:
    """A person with both is signed out only where the provider signed them in."""
    User.objects.create_user(email="ada@example.com", password=PASSWORD)
    client.post("/accounts/login/", {"login": "ada@example.com", "password": PASSWORD})
    there = Client()
    provider.sign_in(there)
    send(provider.logout_token())
    assert [is_signed_in(client), is_signed_in(there)] == [True, False]
