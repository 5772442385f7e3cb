"""/verify?lease=1: for how long a caller may reuse an admission, and what this promises."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Issue, bearer
from tests.values import token_value
from tokens.authentication import lookup
from tokens.authentication.change_wait import CHANGE_WAIT_SECONDS
from tokens.authentication.forward_auth import lease_left
from tokens.authentication.leases import LEASE_SECONDS, Leases
from tokens.models import Token
from tokens.token_settings import TokenSettings

NOW = datetime(2027, 2, 20, 12, tzinfo=UTC)


def ask(value: str = "", query: str = "?lease=1") -> Any:
    return Client().get(f"/verify{query}", headers=bearer(value) if value else {})


def milliseconds(text: str) -> int:
    """Return the number in the header Tokenry-Lease."""
    found = re.fullmatch(r"ms=([0-9]+)", text)
    assert found, text
    return int(found[1])


@pytest.mark.parametrize(
    ("lease_seconds", "seconds_to_expiry", "expected"),
    [
        (0.2, 3600, "ms=200"),
        (0.1239, 3600, "ms=123"),
        (0.0009, 3600, "ms=0"),
        (0, 3600, "ms=0"),
        (-0.05, 3600, "ms=0"),
        (0.2, 0.1239, "ms=123"),
        (0.2, 0, "ms=0"),
        (0.05, 0.1, "ms=50"),
    ],
)
def test_what_is_left_of_the_lease(
    lease_seconds: float, seconds_to_expiry: float, expected: str
) -> None:
    token = Token(expires_at=NOW + timedelta(seconds=seconds_to_expiry))
    token.leased_until = lease_seconds + 1e-9  # the test's own difference must not round down
    with patch.object(lookup, "leases", Leases(lambda: 0.0)):
        assert lease_left(token, NOW) == expected


def test_a_row_without_a_lease_is_not_reused() -> None:
    assert lease_left(Token(expires_at=NOW + timedelta(days=1)), NOW) == "ms=0"


@pytest.fixture
def leased(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each row have a lease with 150 ms left, on each kind of database."""
    find = lookup.find_token

    def find_leased(identifier: str) -> Token | None:
        if token := find(identifier):
            token.leased_until = 100.15 + 1e-9
        return token

    monkeypatch.setattr(lookup, "leases", Leases(lambda: 100.0))
    monkeypatch.setattr(lookup, "find_token", find_leased)


@pytest.mark.django_db
@pytest.mark.usefixtures("each_way", "leased")
class TestAnswers:
    def test_an_admission_says_how_long_it_may_be_reused(self, issue: Issue) -> None:
        token, value = issue()
        answer = ask(value)
        assert (answer.status_code, answer["Tokenry-Lease"]) == (200, "ms=150")
        assert (answer["X-Auth-Token"], answer["Cache-Control"]) == (token.identifier, "no-store")

    def test_other_parameters_stay(self, issue: Issue) -> None:
        _, value = issue(scopes=["tokens:read"])
        answer = ask(value, "?scope=tokens:read&environment=live&lease=1&statuses=401,403")
        assert (answer.status_code, answer["Tokenry-Lease"]) == (200, "ms=150")

    def test_it_is_said_only_if_asked_for(self, issue: Issue) -> None:
        assert "Tokenry-Lease" not in ask(issue()[1], "")

    @pytest.mark.parametrize(
        ("query", "status", "code"),
        [
            ("?lease=1&scope=tokens:read", 403, "insufficient_scope"),
            ("?lease=1&environment=test", 403, "wrong_environment"),
            ("?lease=1&scope=tokens:read&statuses=401", 401, "insufficient_scope"),
            ("?lease=0", 422, "invalid_request"),
            ("?lease=", 422, "invalid_request"),
            ("?lease=true", 422, "invalid_request"),
            ("?lease=1&lease=1", 422, "invalid_request"),
        ],
    )
    def test_a_refusal_is_never_reused(
        self, issue: Issue, query: str, status: int, code: str
    ) -> None:
        answer = ask(issue()[1], query)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert "Tokenry-Lease" not in answer
        if code == "invalid_request":
            assert answer.json()["errors"] == [{"field": "lease", "detail": "It takes only 1."}]

    @pytest.mark.parametrize(
        ("change", "status", "code"),
        [
            (lambda token: token.revoke(), 401, "revoked_token"),
            (lambda token: token.set_rate_limit("1/hour"), 429, "rate_limited"),
        ],
    )
    def test_a_token_that_stops_to_work_gets_no_lease(
        self, issue: Issue, change: Callable[[Token], None], status: int, code: str
    ) -> None:
        token, value = issue()
        assert ask(value)["Tokenry-Lease"] == "ms=150"
        change(token)
        answer = ask(value)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert "Tokenry-Lease" not in answer

    @pytest.mark.parametrize("value", ["", token_value()])
    def test_a_stranger_gets_no_lease(self, value: str) -> None:
        answer = ask(value)
        assert answer.status_code == 401
        assert "Tokenry-Lease" not in answer


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize("is_on", [True, False])
def test_only_postgresql_with_leases_on_gives_a_lease(
    issue: Issue, token_settings: TokenSettings, monkeypatch: pytest.MonkeyPatch, is_on: bool
) -> None:
    token_settings.LEASES = is_on
    now = 100.0
    monkeypatch.setattr(lookup, "leases", Leases(lambda: now))
    _, value = issue()
    read = milliseconds(ask(value)["Tokenry-Lease"])
    now += LEASE_SECONDS / 2
    reused = milliseconds(ask(value)["Tokenry-Lease"])
    has_lease = is_on and connection.vendor == "postgresql"
    assert (read, reused) == ((200, 100) if has_lease else (0, 0))


rates = st.sampled_from([1, 1.04, 1.09])  # clocks run within 9 % of each other
delays = st.sampled_from([0, 0.001, 0.03, 0.15])  # seconds


@given(
    st.lists(st.integers(0, 80), max_size=12).map(
        sorted
    ),  # hundredths: when changes are committed
    st.lists(st.tuples(delays, delays, delays, delays), min_size=10, max_size=40),
    st.tuples(rates, rates, rates),
)
def test_no_reused_admission_is_older_than_an_answered_change(
    hundredths: list[int], questions: list[tuple[float, ...]], clock_rates: tuple[float, ...]
) -> None:
    """A caller counts from sending, with its own clock: the promise of leases still holds.

    The version of the token is the number of changes before the database looks. After the answer
    to a change, no request that begins may be admitted with an older version.
    """
    of_process, of_caller, of_changer = clock_rates
    changes = [each / 100 for each in hundredths]
    answers = [committed + CHANGE_WAIT_SECONDS / of_changer for committed in changes]
    now = 0.0
    leases = Leases[int](lambda: of_process * now)
    token = Token(expires_at=NOW + timedelta(days=1))
    for pause, sending, before, after in questions:

        def read(identifier: str) -> tuple[int, bool]:
            nonlocal now
            now += before  # noqa: B023  # it is called in this round of the loop
            version = bisect_right(changes, now)
            now += after  # noqa: B023
            return version, True

        sent_at = now = now + pause
        now += sending
        lease = leases.find("a") or leases.read("a", read)
        assert lease
        token.leased_until = lease.end
        with patch.object(lookup, "leases", leases):
            left = milliseconds(lease_left(token, NOW)) / 1000
        last_reuse = sent_at + left / of_caller
        assert lease.row >= bisect_left(answers, last_reuse)
