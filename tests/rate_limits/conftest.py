"""Counters in memory and in Redis, and a clock that tests move."""

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from tests.services import Redis
from tokens.rate_limits.counters import Counters
from tokens.rate_limits.limits import RateLimitResult, parse_rate_limit
from tokens.rate_limits.memory import MemoryCounters
from tokens.rate_limits.redis_counters import RedisCounters

A_LITTLE = 0.01  # seconds more, so that no test depends on one millisecond of Redis


@pytest.fixture
def redis() -> Iterator[Redis]:
    server = Redis()
    try:
        yield server.start()
    finally:
        server.close()


class Clock:
    """The clock of this process, which tests can move."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed = 0.0
        own = SimpleNamespace(monotonic=self.monotonic)
        monkeypatch.setattr("tokens.core.circuit_breaker.time", own)
        clock = "tokens.rate_limits.redis_counters.seconds_since_boot"
        monkeypatch.setattr(clock, self.monotonic)

    def monotonic(self) -> float:
        return time.monotonic() + self.passed

    def pass_time(self, seconds: float) -> None:
        self.passed += seconds + A_LITTLE


class StillClock(Clock):
    """A clock that stands still until a test moves it. So all requests come at once."""

    def monotonic(self) -> float:
        return 7000 + self.passed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def still_clock(monkeypatch: pytest.MonkeyPatch) -> StillClock:
    return StillClock(monkeypatch)


class Kind(NamedTuple):
    """Counters, and a function that moves their clock."""

    counters: Counters
    pass_time: Callable[[float], None]
    may_lease: bool = False

    def hit(self, notation: str = "10/minute", key: str = "a") -> RateLimitResult:
        windows = parse_rate_limit(notation)
        result = self.counters.hit(key, windows, may_lease=self.may_lease)
        return RateLimitResult(*result, "token")


@pytest.fixture(params=["memory", "redis", "leases"])
def kind(request: pytest.FixtureRequest, clock: Clock) -> Kind:
    """Return counters of each kind, one after the other."""
    if request.param == "memory":
        return Kind(MemoryCounters(clock.monotonic), clock.pass_time)
    server = request.getfixturevalue("redis")

    def pass_time(seconds: float) -> None:
        clock.pass_time(seconds)
        server.pass_time(seconds + A_LITTLE)

    return Kind(RedisCounters(server.url), pass_time, may_lease=request.param == "leases")
