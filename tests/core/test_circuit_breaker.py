"""The circuit breaker: conditions to open and to close."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from tokens.core.circuit_breaker import (
    FAILURES_TO_OPEN,
    IDLE_SECONDS,
    OPEN_SECONDS,
    TRIAL_SECONDS,
    CircuitBreaker,
    ServiceUnavailable,
)

WAIT = 1.0


class Gone(OSError):
    """The service does not answer."""


class Odd(OSError):
    """The service answers with an error."""


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(
        "tokens.core.circuit_breaker.time", SimpleNamespace(monotonic=made.monotonic)
    )
    return made


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    """Return a breaker whose service answered just now."""
    made = CircuitBreaker(OSError, outage=(Gone,), wait=WAIT, service="database")
    assert tried(made)
    return made


def tried(
    breaker: CircuitBreaker,
    error: type[Exception] | None = None,
    meanwhile: Callable[[], object] = lambda: None,
) -> bool:
    """Return True if the breaker lets a request through. The request then fails with `error`."""
    entered = False
    try:
        with breaker:
            entered = True
            meanwhile()
            if error:
                raise error
    except ServiceUnavailable:
        pass
    return entered


def test_one_lost_connection_refuses_nobody_else(breaker: CircuitBreaker, clock: Clock) -> None:
    clock.now += 60
    assert tried(breaker, Gone)
    assert all(tried(breaker) for _ in range(10))


def test_a_service_that_is_away_opens(breaker: CircuitBreaker, clock: Clock) -> None:
    clock.now += WAIT
    assert [tried(breaker, Gone) for _ in range(FAILURES_TO_OPEN + 2)] == [
        True
    ] * FAILURES_TO_OPEN + [False] * 2


def test_threads_without_a_connection_do_not_stop_those_that_have_one(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    """PostgreSQL at max_connections: three of four attempts fail, for any time."""
    for _ in range(100):
        assert all(tried(breaker, Gone) for _ in range(FAILURES_TO_OPEN))
        assert tried(breaker)
        clock.now += WAIT / 2


def test_a_service_that_answers_oddly_never_opens(breaker: CircuitBreaker, clock: Clock) -> None:
    clock.now += WAIT
    assert all(tried(breaker, Odd) for _ in range(2 * FAILURES_TO_OPEN))


def test_after_a_pause_one_tries(breaker: CircuitBreaker, clock: Clock) -> None:
    clock.now += WAIT
    for _ in range(FAILURES_TO_OPEN):
        tried(breaker, Gone)
    clock.now += OPEN_SECONDS
    others = []
    assert tried(breaker, Gone, meanwhile=lambda: others.append(tried(breaker)))
    assert others == [False]
    assert not tried(breaker)
    clock.now += OPEN_SECONDS
    assert tried(breaker)
    assert all(tried(breaker) for _ in range(10))


def test_a_try_that_never_ends_does_not_keep_the_others_out(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    clock.now += WAIT
    for _ in range(FAILURES_TO_OPEN):
        tried(breaker, Gone)
    clock.now += OPEN_SECONDS
    others = []

    def meanwhile() -> None:
        clock.now += TRIAL_SECONDS
        others.append(tried(breaker))

    assert tried(breaker, Gone, meanwhile)
    assert others == [True]


def test_a_breaker_that_never_was_answered_opens(clock: Clock) -> None:
    breaker = CircuitBreaker(OSError, outage=(Gone,), wait=WAIT, service="database")
    assert [tried(breaker, Gone) for _ in range(FAILURES_TO_OPEN + 1)] == [
        True
    ] * FAILURES_TO_OPEN + [False]


def test_the_log_has_a_line_when_it_opens_and_one_when_it_closes(
    breaker: CircuitBreaker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    clock.now += 60
    for _ in range(40):  # half a minute of an outage, with requests all the time
        tried(breaker, Gone)
        clock.now += OPEN_SECONDS / 2
    tried(breaker)
    clock.now += OPEN_SECONDS
    tried(breaker)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "database failed, so a request gets 503 (1 since the last such line)",
        "database is away",
        "database answers again after 19 s",
    ]


def test_failures_that_never_open_it_are_summed_up(
    breaker: CircuitBreaker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(25):
        clock.now += 5
        tried(breaker, Odd)
    assert [record.getMessage().split("(")[1].split()[0] for record in caplog.records] == [
        "1",
        "12",
        "12",
    ]


def test_a_breaker_that_nobody_tries_does_not_stay_open_for_the_metrics(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    clock.now += WAIT
    for _ in range(FAILURES_TO_OPEN):
        tried(breaker, Gone)
    assert breaker.is_open
    clock.now += IDLE_SECONDS / 2
    assert breaker.is_open
    clock.now += IDLE_SECONDS
    assert not breaker.is_open
