"""Renewal with no overlap: if the answer was lost, the same request is answered again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from tests.api.conftest import SCOPES, Caller
from tests.conftest import Issue, bearer
from tests.values import token_value
from tokens.models import IdempotencyKey, Token
from tokens.token_settings import TokenSettings

NOW = {"overlap": "now"}
KEY = {"Idempotency_Key": "rotation-7"}


@pytest.fixture
def lost(caller: Caller) -> dict[str, Any]:
    """The answer that did not arrive."""
    answer = caller("POST", "token/renew", NOW, **KEY)
    assert answer.status_code == 201
    facts: dict[str, Any] = answer.json()
    return facts


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def test_again_it_tells_without_the_value_and_with_the_way_out(
    caller: Caller, lost: dict[str, Any], owner_client: Client
) -> None:
    again = caller("POST", "token/renew", NOW, **KEY)
    assert (again.status_code, again["Cache-Control"]) == (200, "no-store")
    assert again.json() == lost | {"token": None, "replayed": True}
    assert lost["token"] not in again.content.decode()
    page = f"/settings/tokens/{caller.token.identifier}/renew/"
    way_out = (
        "The owner must revoke this token and renew the old one again:"
        f" http://localhost:8000{page}"
    )
    assert again.json()["if_lost"] == way_out
    assert "Revoke it and renew again" in owner_client.get(page).content.decode()
    assert Token.objects.count() == 2


@pytest.mark.parametrize(
    ("call", "headers"),
    [
        (("POST", "token/renew", NOW), {}),
        (("POST", "token/renew", NOW), {"Idempotency_Key": "another"}),
        (("POST", "token/renew", NOW), {"Idempotency_Key": "k" * 256}),
        (("POST", "token/renew", {"overlap": "1h"}), KEY),
        (("POST", "token/renew", None), KEY),
        (("POST", "token/renew", {"overlap": 7}), KEY),
        (("POST", "token/renew", "x" * 3_000_000), KEY),
        (("GET", "token/renew", None), KEY),
        (("POST", "tokens", {"name": "x"}), KEY),
        (("GET", "token", None), KEY),
        (("DELETE", "token", None), KEY),
        (("GET", "tokens", None), KEY),
    ],
)
def test_nothing_else_is_opened(
    caller: Caller, lost: dict[str, Any], call: tuple[str, str, Any], headers: dict[str, str]
) -> None:
    assert code(caller(*call, **headers)) == (401, "expired_token")
    assert Token.objects.count() == 2


def inactive(token: Token) -> None:
    token.owner.is_active = False
    token.owner.save()


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        (
            lambda token: Token.objects.filter(pk=token.pk).update(revoked_at=timezone.now()),
            "revoked_token",
        ),
        (
            lambda token: Token.objects.filter(pk=token.pk).update(addresses="192.0.2.0/24"),
            "expired_token",
        ),
        (
            lambda token: Token.objects.filter(pk=token.pk).update(scope="tokens:read"),
            "expired_token",
        ),
        (lambda token: Token.objects.filter(pk=token.pk).update(renewed_at=None), "expired_token"),
        (inactive, "expired_token"),
    ],
    ids=["revoked", "elsewhere", "without the scope", "renewable again", "owner inactive"],
)
def test_only_where_the_token_could_still_ask(
    caller: Caller, lost: dict[str, Any], change: Callable[[Token], Any], refused: str
) -> None:
    change(caller.token)
    assert code(caller("POST", "token/renew", NOW, **KEY)) == (401, refused)


def test_only_with_the_secret(caller: Caller, lost: dict[str, Any]) -> None:
    other = Caller(caller.token, token_value(letters=caller.token.identifier[9:]))
    assert code(other("POST", "token/renew", NOW, **KEY)) == (401, "unknown_token")


def test_the_key_of_another_token_opens_nothing(
    caller: Caller, lost: dict[str, Any], issue: Issue
) -> None:
    other = Caller(*issue(scopes=SCOPES))
    assert other("POST", "token/renew", NOW, Idempotency_Key="other").status_code == 201
    assert code(other("POST", "token/renew", NOW, **KEY)) == (401, "expired_token")


def test_for_a_day(caller: Caller, lost: dict[str, Any]) -> None:
    made = IdempotencyKey.objects.get().at
    for age, status in {timedelta(hours=23, minutes=59): 200, timedelta(hours=24): 401}.items():
        with time_machine.travel(made + age, tick=False):
            assert caller("POST", "token/renew", NOW, **KEY).status_code == status


def test_it_counts_as_failed_authentication(
    caller: Caller, lost: dict[str, Any], token_settings: TokenSettings
) -> None:
    token_settings.FAILED_AUTH_LIMIT = "2/minute"
    statuses = [caller("POST", "token/renew", NOW, **KEY).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_others_are_told_what_to_do(caller: Caller, lost: dict[str, Any]) -> None:
    refused = Client().get("/api/v1/token", headers=bearer(caller.value)).json()
    assert (
        "If that token was lost, the owner can renew again under Settings, API tokens."
        in refused["detail"]
    )


def test_what_to_do_about_a_lost_creation(caller: Caller) -> None:
    first = caller("POST", "tokens", {"name": "Deploy"}, **KEY).json()
    assert first["if_lost"] == "Revoke it and create another, with another Idempotency-Key."
    assert caller("POST", "tokens", {"name": "Deploy"}, **KEY).json() == first | {
        "token": None,
        "replayed": True,
    }
