"""tokens/breaker.py: what opens the circuit breaker, and what closes it."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from tokens.breaker import FAILURES, PAUSE_SECONDS, TRIAL_SECONDS, Breaker, Down

WAIT = 1.0


class Gone(OSError):
    """The service is away."""


class Odd(OSError):
    """The service answers, though not as it should."""


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("tokens.breaker.time", SimpleNamespace(monotonic=made.monotonic))
    return made


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    """A breaker whose service answered just now."""
    made = Breaker(OSError, outage=(Gone,), wait=WAIT)
    assert tried(made)
    return made


def tried(
    breaker: Breaker, error: type[Exception] | None = None, meanwhile: Callable[[], object] = lambda: None
) -> bool:
    """Return True if the breaker let a request through, which then meets `error`."""
    entered = False
    try:
        with breaker:
            entered = True
            meanwhile()
            if error:
                raise error
    except Down:
        pass
    return entered


def test_one_lost_connection_refuses_nobody_else(breaker: Breaker, clock: Clock) -> None:
    clock.now += 60
    assert tried(breaker, Gone)
    assert all(tried(breaker) for _ in range(10))


def test_a_service_that_is_away_opens(breaker: Breaker, clock: Clock) -> None:
    clock.now += WAIT
    assert [tried(breaker, Gone) for _ in range(FAILURES + 2)] == [True] * FAILURES + [False] * 2


def test_threads_without_a_connection_do_not_stop_those_that_have_one(breaker: Breaker, clock: Clock) -> None:
    """As at PostgreSQL's max_connections: three of four tries fail, however long."""
    for _ in range(100):
        assert all(tried(breaker, Gone) for _ in range(FAILURES))
        assert tried(breaker)
        clock.now += WAIT / 2


def test_a_service_that_answers_oddly_never_opens(breaker: Breaker, clock: Clock) -> None:
    clock.now += WAIT
    assert all(tried(breaker, Odd) for _ in range(2 * FAILURES))


def test_after_a_pause_one_tries(breaker: Breaker, clock: Clock) -> None:
    clock.now += WAIT
    for _ in range(FAILURES):
        tried(breaker, Gone)
    clock.now += PAUSE_SECONDS
    others = []
    assert tried(breaker, Gone, meanwhile=lambda: others.append(tried(breaker)))
    assert others == [False]
    assert not tried(breaker)
    clock.now += PAUSE_SECONDS
    assert tried(breaker)
    assert all(tried(breaker) for _ in range(10))


def test_a_try_that_never_ends_does_not_keep_the_others_out(breaker: Breaker, clock: Clock) -> None:
    clock.now += WAIT
    for _ in range(FAILURES):
        tried(breaker, Gone)
    clock.now += PAUSE_SECONDS
    others = []

    def meanwhile() -> None:
        clock.now += TRIAL_SECONDS
        others.append(tried(breaker))

    assert tried(breaker, Gone, meanwhile)
    assert others == [True]


def test_a_breaker_that_never_was_answered_opens(clock: Clock) -> None:
    breaker = Breaker(OSError, outage=(Gone,), wait=WAIT)
    assert [tried(breaker, Gone) for _ in range(FAILURES + 1)] == [True] * FAILURES + [False]
