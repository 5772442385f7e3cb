"""FAILED_AUTH_LIMIT: how often one address may fail."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.conftest import Issue
from tests.values import token_value
from tokens.models import Token
from tokens.token_settings import TokenSettings

pytestmark = pytest.mark.services
QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
UNKNOWN = token_value()


@pytest.fixture(autouse=True)
def three_a_minute(token_settings: TokenSettings) -> None:
    token_settings.FAILED_AUTH_LIMIT = "3/minute"


def call(header: str | None, address: str = "192.0.2.1") -> Any:
    headers = {} if header is None else {"Authorization": header}
    return Client(REMOTE_ADDR=address).get("/api/v1/token", headers=headers)


def codes(header: str | None, times: int, address: str = "192.0.2.1") -> list[str]:
    return [call(header, address).json()["code"] for _ in range(times)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("Bearer", "malformed_header"),
        ("Bearer abc", "malformed_token"),
        (f"Bearer {UNKNOWN}", "unknown_token"),
    ],
)
def test_failures_are_counted_and_refused(header: str, code: str) -> None:
    assert codes(header, 5) == 3 * [code] + 2 * ["rate_limited"]


def test_what_the_refusal_says() -> None:
    codes("Bearer abc", 3)
    response = call("Bearer abc")
    body = response.json()
    assert (response.status_code, body["status"], body["code"]) == (429, 429, "rate_limited")
    assert (body["type"], body["violated-policies"]) == (QUOTA_EXCEEDED, ["failed-authentication"])
    assert "3 requests in a minute" in body["detail"]
    assert 0 < int(response["Retry-After"]) <= 60
    assert "RateLimit" not in response  # those headers are for tokens


@pytest.mark.parametrize(
    ("code", "model", "change"),
    [
        ("revoked_token", Token, {"revoked_at": LONG_AGO}),
        ("expired_token", Token, {"expires_at": LONG_AGO}),
        ("inactive_owner", User, {"is_active": False}),
    ],
)
def test_a_proven_token_that_signs_nobody_in_is_a_failure(
    issue: Issue, code: str, model: type[Token | User], change: dict[str, Any]
) -> None:
    _, value = issue()
    model.objects.update(**change)
    assert codes(f"Bearer {value}", 4) == 3 * [code] + ["rate_limited"]


def test_a_good_token_is_admitted_all_the_same_and_not_counted(
    issue: Issue, token_settings: TokenSettings
) -> None:
    token_settings.RATE_LIMIT = "100/minute"
    _, value = issue()
    for _ in range(5):
        assert call(f"Bearer {value}").status_code == 200
    assert codes("Bearer abc", 4)[-2:] == ["malformed_token", "rate_limited"]
    for _ in range(5):
        assert call(f"Bearer {value}").status_code == 200


def test_what_policy_or_the_tokens_own_limit_refuses_is_no_failure(
    issue: Issue, token_settings: TokenSettings
) -> None:
    token_settings.RATE_LIMIT = "2/minute"
    _, value = issue(allowed_addresses=["203.0.113.0/24"])
    assert codes(f"Bearer {value}", 4) == 2 * ["address_not_allowed"] + 2 * ["rate_limited"]
    assert codes("Bearer abc", 4) == 3 * ["malformed_token"] + ["rate_limited"]


@pytest.mark.parametrize("header", [None, "", "Basic dXNlcjpwYXNz"])
def test_missing_credentials_are_no_attempt(header: str | None) -> None:
    assert set(codes(header, 10)) == {"missing_credentials"}
    codes("Bearer abc", 4)
    assert codes(header, 1) == ["missing_credentials"]


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", True),
        ("2001:db8:0:1::1", "2001:DB8:0:1::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::1", "::2", True),
        ("fe80::1%eth0", "no address", True),  # both unknown
        ("fe80::1%eth0", "192.0.2.1", False),
    ],
)
def test_who_shares_a_count(first: str, second: str, together: bool) -> None:
    codes("Bearer abc", 3, first)
    assert codes("Bearer abc", 1, second) == ["rate_limited" if together else "malformed_token"]


def test_several_windows(token_settings: TokenSettings) -> None:
    token_settings.FAILED_AUTH_LIMIT = "2/minute;3/hour"
    codes("Bearer abc", 2)
    body = call("Bearer abc").json()
    assert body["violated-policies"] == ["failed-authentication-60"]
    assert "2 requests in a minute" in body["detail"]
