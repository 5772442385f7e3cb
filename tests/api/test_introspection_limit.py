"""INTROSPECTION_LIMIT: introspections have a limit of their own, or none."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.api.conftest import Caller
from tests.api.test_introspection import FORM, PATH, ask, basic
from tests.conftest import Issue, bearer
from tokens.models import Scope, Token
from tokens.rate_limits import counters
from tokens.token_settings import TokenSettings

LIMITS = {"RateLimit", "RateLimit-Policy", "X-RateLimit-Limit", "X-RateLimit-Remaining"}


def introspect(value: str, **headers: str) -> Any:
    """Return the answer to a token that introspects itself."""
    return ask(f"token={value}", headers or bearer(value))


def test_introspections_are_not_counted_by_the_callers_own_limit(caller: Caller) -> None:
    caller.token.set_rate_limit("1/hour")
    answers = [introspect(caller.value) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}
    assert not LIMITS & set(answers[0].headers)
    assert answers[0]["Token-Expires-At"]
    assert caller("GET", "token").status_code == 200
    assert caller("GET", "token").json()["code"] == "rate_limited"
    assert introspect(caller.value).status_code == 200


def test_nor_by_that_of_a_caller_with_basic_credentials(caller: Caller) -> None:
    caller.token.set_rate_limit("1/hour")
    headers = basic(caller.token.identifier, caller.value)
    assert {introspect(caller.value, **headers).status_code for _ in range(3)} == {200}


@pytest.mark.long
def test_5000_introspections_in_a_row_are_not_refused(caller: Caller, issue: Issue) -> None:
    _, value = issue()
    client = Client()
    for _ in range(5000):
        answer = client.post(
            PATH, f"token={value}", content_type=FORM, headers=bearer(caller.value)
        )
        assert answer.status_code == 200, answer.content
        assert answer.json()["active"] is True


def test_the_limit_counts_introspections_alone(
    caller: Caller, token_settings: TokenSettings
) -> None:
    token_settings.INTROSPECTION_LIMIT = "2/hour"
    first = introspect(caller.value)
    assert (first["RateLimit-Policy"], first["X-RateLimit-Remaining"]) == (
        '"introspection";q=2;w=3600',
        "1",
    )
    assert introspect(caller.value).status_code == 200
    refused = introspect(caller.value)
    body = refused.json()
    assert (refused.status_code, body["code"]) == (429, "rate_limited")
    assert body["violated-policies"] == ["introspection"]
    assert body["detail"].startswith(
        "For introspection this token may make 2 requests in an hour. Try again in "
    )
    assert 3590 <= int(refused["Retry-After"]) <= 3600
    assert refused["RateLimit"].startswith('"introspection";r=0;t=')
    assert caller("GET", "token")["X-RateLimit-Remaining"] == "999"


def test_each_caller_has_a_limit_of_its_own(
    caller: Caller, issue: Issue, token_settings: TokenSettings
) -> None:
    token_settings.INTROSPECTION_LIMIT = "1/hour"
    _, other = issue(scopes=["tokens:introspect"])
    statuses = [introspect(value).status_code for value in (caller.value, other, caller.value)]
    assert statuses == [200, 200, 429]


def test_tokens_that_share_a_limit_share_this_limit_too(
    caller: Caller, token_settings: TokenSettings
) -> None:
    """Otherwise a program could make tokens to introspect more often."""
    token_settings.INTROSPECTION_LIMIT = "1/hour"
    made = caller(
        "POST", "tokens", {"name": "Made", "expires": "30d", "scopes": ["tokens:introspect"]}
    ).json()
    statuses = [introspect(value).status_code for value in (caller.value, made["token"])]
    assert statuses == [200, 429]


def test_a_caller_without_the_scope_is_counted_by_its_own_limit(
    issue: Issue, token_settings: TokenSettings
) -> None:
    token_settings.INTROSPECTION_LIMIT = "1/hour"
    token, value = issue()
    token.set_rate_limit("2/hour")
    answers = [introspect(value) for _ in range(3)]
    assert [answer.json()["code"] for answer in answers] == [
        "insufficient_scope",
        "insufficient_scope",
        "rate_limited",
    ]
    assert answers[0]["RateLimit-Policy"] == '"token";q=2;w=3600'


def test_a_caller_whose_scope_does_not_count_now_is_counted_by_its_own_limit(
    caller: Caller, owner: User
) -> None:
    Scope.objects.get(name="tokens:introspect").delete()
    answer = introspect(caller.value)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert answer["X-RateLimit-Remaining"] == "999"


def test_a_wrong_form_is_counted_by_no_other_limit(caller: Caller) -> None:
    before = counters.peek_token(caller.token.limit_key, "").remaining[0][0]
    assert ask("", bearer(caller.value)).status_code == 400
    assert counters.peek_token(caller.token.limit_key, "").remaining[0][0] == before


def test_a_revoked_caller_is_still_refused(caller: Caller) -> None:
    Token.objects.get(pk=caller.token.pk).revoke()
    assert introspect(caller.value).json()["code"] == "revoked_token"


def test_a_stranger_is_limited_as_at_each_other_address(
    db: None, token_settings: TokenSettings
) -> None:
    token_settings.FAILED_AUTH_LIMIT = "1/hour"
    codes = [ask("token=x", bearer("wrong")).json()["code"] for _ in range(2)]
    assert codes == ["malformed_token", "rate_limited"]


@pytest.mark.parametrize(("given", "kept"), [("", ""), (None, ""), ("10/minute", "10/minute")])
def test_the_setting(token_settings: TokenSettings, given: str | None, kept: str) -> None:
    token_settings.INTROSPECTION_LIMIT = given  # type: ignore[assignment]
    assert kept == token_settings.INTROSPECTION_LIMIT
