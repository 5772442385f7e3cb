"""No code, state, nonce, token or client secret reaches a log, the database or an error page."""

import logging
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from tests.accounts.oidc.fake_provider import (
    CALLBACK,
    CLIENT_SECRET,
    LOGOUT,
    NEW_KEY,
    PERSON,
    FakeProvider,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def secrets(provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which each ID token is added that the provider signs."""
    signed = [CLIENT_SECRET, quote(CLIENT_SECRET, safe=""), "an-access-token"]
    sign = provider.sign

    def note(claims: dict[str, Any]) -> object:
        token = sign(claims)
        signed.append(str(token))
        return token

    monkeypatch.setattr(provider, "sign", note)
    return signed


def wrong_nonce(provider: FakeProvider) -> None:
    provider.claims["nonce"] = "another"


def unknown_key(provider: FakeProvider) -> None:
    provider.keys = [NEW_KEY]


def away(provider: FakeProvider) -> None:
    provider.status = 503


def userinfo_of_somebody_else(provider: FakeProvider) -> None:
    provider.claims = {"sub": PERSON["sub"]}
    provider.userinfo = PERSON | {"sub": "another"}


def nothing(provider: FakeProvider) -> None:
    """Change nothing: the person is signed in."""


@pytest.mark.parametrize(
    "change", [nothing, wrong_nonce, unknown_key, away, userinfo_of_somebody_else]
)
def test_of_a_sign_in(
    provider: FakeProvider,
    client: Client,
    secrets: list[str],
    caplog: pytest.LogCaptureFixture,
    change: Any,
) -> None:
    with caplog.at_level(logging.DEBUG):
        begun = provider.begin(client)
        change(provider)
        response = provider.come_back(client, begun)
    verifier = (provider.forms or [{}])[-1].get("code_verifier")
    told = [*secrets, f"code-{begun['state']}", begun["state"], begun["nonce"], verifier]
    seen = caplog.text + response.content.decode() + str(response.headers)
    sessions = str([session.get_decoded() for session in Session.objects.all()])
    for secret in filter(None, told):
        assert secret not in seen
        assert secret not in sessions


def test_of_an_error_of_the_provider(
    provider: FakeProvider, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    begun = provider.begin(client)
    sent = {"error": "x\r\n" * 500, "error_description": "secret", "state": begun["state"]}
    response = client.get(CALLBACK, sent)
    assert response.status_code == 403
    assert "secret" not in caplog.text + response.content.decode()
    assert max(map(len, caplog.text.splitlines())) < 1000
    assert not [line for line in caplog.text.splitlines() if line.startswith("x")]


def test_of_a_logout(provider: FakeProvider, caplog: pytest.LogCaptureFixture) -> None:
    for token in (provider.logout_token(aud="another"), provider.logout_token(NEW_KEY)):
        with caplog.at_level(logging.DEBUG):
            response = Client().post(LOGOUT, {"logout_token": token})
        assert response.status_code == 400
        assert token not in caplog.text + response.content.decode()
