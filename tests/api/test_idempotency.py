"""Idempotency-Key: the same key of the same token makes nothing twice."""

from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from tests.api.conftest import SCOPES, Caller
from tests.conftest import Issue
from tests.models.test_concurrency import THREADS, at_once
from tokens.models import IdempotencyKey, Token
from tokens.models.transfer import hand_over

KEY = {"Idempotency_Key": 'any key, "quoted" or not'}
NAME = {"name": "Deploy bot"}


@pytest.mark.parametrize(("path", "body"), [("tokens", NAME), ("token/renew", None)])
def test_again_it_tells_without_the_value(
    caller: Caller, path: str, body: dict[str, str] | None
) -> None:
    first = caller("POST", path, body, **KEY)
    again = caller("POST", path, body, **KEY)
    assert (first.status_code, first.json()["replayed"]) == (201, False)
    assert (again.status_code, again["Cache-Control"]) == (200, "no-store")
    assert again.json() == first.json() | {"token": None, "replayed": True}
    assert Token.objects.count() == 2
    key = IdempotencyKey.objects.get()
    assert (key.key, key.token) == (KEY["Idempotency_Key"], caller.token)
    assert first.json()["token"] not in str(IdempotencyKey.objects.values())


def test_the_same_body_in_other_words_is_the_same(caller: Caller) -> None:
    caller("POST", "tokens", NAME, **KEY)
    again = caller("POST", "tokens", {"scopes": [], "name": "Deploy bot "}, **KEY)
    assert again.json()["replayed"] is True
    caller("POST", "token/renew", Idempotency_Key="renew")
    assert caller("POST", "token/renew", {}, Idempotency_Key="renew").json()["replayed"] is True


@pytest.mark.parametrize(("path", "body"), [("tokens", {"name": "Other"}), ("token/renew", {})])
def test_another_request_with_the_same_key_is_refused(
    caller: Caller, path: str, body: dict[str, str]
) -> None:
    caller("POST", "tokens", NAME, **KEY)
    answer = caller("POST", path, body, **KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [error["field"] for error in answer.json()["errors"]] == ["Idempotency-Key"]
    assert Token.objects.count() == 2


def test_a_key_belongs_to_its_token(caller: Caller, issue: Issue) -> None:
    other = Caller(*issue(scopes=SCOPES))
    for one in (caller, other):
        assert one("POST", "tokens", NAME, **KEY).status_code == 201


def test_a_key_lasts_a_day(caller: Caller) -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        caller("POST", "tokens", NAME, **KEY)
    with time_machine.travel(now + timedelta(hours=24) - timedelta(microseconds=1), tick=False):
        assert caller("POST", "tokens", NAME, **KEY).status_code == 200
    with time_machine.travel(now + timedelta(hours=24), tick=False):
        assert caller("POST", "tokens", {"name": "Other"}, **KEY).status_code == 201


def test_a_refused_request_uses_up_no_key(caller: Caller) -> None:
    assert caller("POST", "tokens", NAME | {"environment": "dev"}, **KEY).status_code == 403
    assert caller("POST", "tokens", NAME, **KEY).status_code == 201


def test_without_a_key_each_request_makes_one(caller: Caller) -> None:
    statuses = [caller("POST", "tokens", NAME).status_code for _ in range(2)]
    assert (statuses, IdempotencyKey.objects.count()) == ([201, 201], 0)


@pytest.mark.parametrize(
    ("key", "taken"), [("k", True), ("k" * 255, True), ("k" * 256, False), ("ké", False)]
)
def test_what_a_key_looks_like(caller: Caller, key: str, taken: bool) -> None:
    answer = caller("POST", "tokens", NAME, Idempotency_Key=key)
    assert answer.status_code == (201 if taken else 422)
    assert taken or [error["field"] for error in answer.json()["errors"]] == ["Idempotency-Key"]


def test_a_value_is_no_key(caller: Caller) -> None:
    answer = caller("POST", "tokens", NAME, Idempotency_Key=caller.value)
    assert "looks like a token's value" in answer.json()["errors"][0]["detail"]
    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("path", "body"), [("tokens", NAME), ("token/renew", {"overlap": "1h"})])
def test_at_once(caller: Caller, path: str, body: dict[str, str]) -> None:
    """Real threads: one makes the token, and the others are told of it."""

    def ask(number: int) -> str:
        answer = caller("POST", path, body, **KEY)
        assert answer.status_code in {200, 201}, answer.content
        made = answer.json()
        return f"{answer.status_code} {made['identifier']} {made['token'] is not None}"

    counts = at_once(ask)
    (made,) = Token.objects.exclude(pk=caller.token.pk)
    assert counts == Counter(
        {f"201 {made.identifier} True": 1, f"200 {made.identifier} False": THREADS - 1}
    )


def test_nothing_is_told_about_a_token_of_another_owner(caller: Caller, teammate: User) -> None:
    """The old token has ended, so it stays with its owner when the new token is handed over."""
    first = caller("POST", "token/renew", {"overlap": "now"}, **KEY)
    made = Token.objects.get(identifier=first.json()["identifier"])
    hand_over([made], teammate)
    answer = caller("POST", "token/renew", {"overlap": "now"}, **KEY)
    assert (answer.status_code, answer.json()["code"]) == (401, "expired_token")
    assert teammate.email not in answer.text


def test_a_handed_over_token_keeps_its_keys(caller: Caller, teammate: User) -> None:
    caller("POST", "tokens", NAME, **KEY)
    hand_over([caller.token], teammate)
    again = caller("POST", "tokens", NAME, **KEY)
    assert (again.status_code, again.json()["replayed"]) == (200, True)
    assert again.json()["owner"]["email"] == teammate.email
