"""POST /api/v1/revoke (RFC 7009)"""

import logging
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client

from tests.api.conftest import Caller
from tests.api.test_introspection import FORM, basic
from tests.authentication.conftest import waited as waited  # noqa: PLC0414  # a fixture
from tests.conftest import Issue, bearer
from tokens.authentication import credentials
from tokens.models import Event
from tokens.token_settings import TokenSettings
from tokens.usage.recorder import recorder

PATH = "/api/v1/revoke"


def revoke(form: str, **headers: str) -> Any:
    client = Client(raise_request_exception=False)
    return client.post(PATH, form, content_type=FORM, headers=headers, REMOTE_ADDR="203.0.113.7")


@pytest.mark.parametrize("sent", ["nothing", "basic", "wrong basic", "bearer", "nonsense"])
def test_whoever_holds_a_token_may_end_it(caller: Caller, issue: Issue, sent: str) -> None:
    token, value = issue()
    headers = {
        "nothing": {},
        "basic": basic(caller.token.identifier, caller.value),
        "wrong basic": basic("some", "client"),
        "bearer": bearer(caller.value),
        "nonsense": {"Authorization": "Bearer a b"},
    }[sent]
    answer = revoke(f"token={value}&token_type_hint=access_token", **headers)
    assert (answer.status_code, answer.content, answer["Cache-Control"]) == (
        200,
        b"{}",
        "no-store",
    )
    assert Caller(token, value)("GET", "token").json()["code"] == "revoked_token"
    assert caller("GET", "token").status_code == 200
    event = Event.objects.get(kind="revoked")
    assert (event.identifier, event.actor, event.address) == (
        token.identifier,
        None,
        "203.0.113.7",
    )


def test_the_same_answer_for_what_is_no_token(issue: Issue) -> None:
    token, value = issue()
    body = token.identifier + "0" * credentials.SECRET_LENGTH
    answers = [
        revoke(f"token={text}")
        for text in (
            "x",
            "%00",
            value[:-1],
            body + credentials.checksum(body),
            value,
            value,
            "x" * 10_000,
        )
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b"{}")}
    assert Event.objects.filter(kind="revoked").count() == 1


def test_an_expired_token_can_still_be_revoked(issue: Issue) -> None:
    token, value = issue()
    type(token).objects.filter(pk=token.pk).update(expires_at=token.created_at)
    revoke(f"token={value}")
    token.refresh_from_db()
    assert token.revoked_at


def test_failures_are_counted_against_the_address(
    issue: Issue, token_settings: TokenSettings
) -> None:
    """A good one is never refused for them."""
    token_settings.FAILED_AUTH_LIMIT = "2/minute"
    token, value = issue()
    assert [revoke("token=x").status_code for _ in range(3)] == [200, 200, 429]
    answer = revoke(f"token={credentials.generate('tkn', 'live').value}")
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert int(answer["Retry-After"]) > 0
    assert revoke(f"token={value}").status_code == 200
    token.refresh_from_db()
    assert token.revoked_at
    assert (
        Client(REMOTE_ADDR="203.0.113.8").post(PATH, "token=x", content_type=FORM).status_code
        == 200
    )


def test_one_that_is_revoked_already_counts_as_a_failure(
    issue: Issue, token_settings: TokenSettings
) -> None:
    token_settings.FAILED_AUTH_LIMIT = "2/minute"
    _, value = issue()
    assert [revoke(f"token={value}").status_code for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.parametrize("form", ["", "token=", "token=a&token=b"])
def test_a_wrong_form_is_as_oauth_says(form: str, db: None) -> None:
    body = revoke(form).json()
    assert (body["status"], body["code"], body["error"]) == (
        400,
        "invalid_request",
        "invalid_request",
    )
    assert body["title"] == "Something in the request is wrong"


def test_no_answer_from_the_database_is_503(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    _, value = issue()

    def fail(*_: object) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr("tokens.authentication.lookup.fetch_row", fail)
    answer = revoke(f"token={value}")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def test_no_log_has_the_value(
    issue: Issue, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where it fails in the middle."""
    caplog.set_level(logging.DEBUG)
    _, value = issue()
    revoke(f"token={value[:-1]}")
    revoke(f"token={value}")

    def fail(*_: object) -> None:
        raise RuntimeError("in the middle")

    monkeypatch.setattr("tokens.authentication.lookup.fetch_row", fail)
    answer = revoke(f"token={value}")
    recorder.flush()
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "in the middle" in caplog.text
    assert value[24:60] not in caplog.text + answer.content.decode()


def test_an_old_token_takes_no_place_past_the_limit(
    issue: Issue, token_settings: TokenSettings, waited: list[float]
) -> None:
    """Otherwise whoever found a revoked token could keep everybody from making changes."""
    token_settings.FAILED_AUTH_LIMIT = "2/minute"
    _, value = issue()
    answers = [revoke(f"token={value}") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert len(waited) == 3
