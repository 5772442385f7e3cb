"""Look at the counters without counting, in memory and in Redis."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import pytest

from tests.services import Redis
from tokens.core.circuit_breaker import ServiceUnavailable
from tokens.rate_limits import counters as counting
from tokens.rate_limits.counters import Counters
from tokens.rate_limits.limits import RateLimitResult, WindowCount, parse_rate_limit
from tokens.rate_limits.memory import MemoryCounters
from tokens.rate_limits.redis_counters import RedisCounters
from tokens.token_settings import TokenSettings

TWO = parse_rate_limit("2/minute;10/hour")


class Kind(NamedTuple):
    """Counters, and a function that moves their clock."""

    counters: Counters
    pass_time: Callable[[float], None]


@pytest.fixture(params=["memory", "redis"])
def kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    """Yield counters of both kinds, one after the other."""
    if request.param == "memory":
        now = [0.0]
        yield Kind(MemoryCounters(lambda: now[0]), lambda seconds: now.append(now.pop() + seconds))
        return
    server = Redis()
    try:
        yield Kind(RedisCounters(server.start().url), server.pass_time)
    finally:
        server.close()


def used(kind: Kind) -> tuple[bool, list[int]]:
    admitted, windows, counts = kind.counters.peek("a", TWO)
    assert windows == TWO
    return admitted, [count.used for count in counts]


def test_looking_counts_nothing_and_agrees_with_the_next_hit(kind: Kind) -> None:
    assert used(kind) == (True, [0, 0])
    assert kind.counters.peek("a", TWO)[2] == [WindowCount(0, 60), WindowCount(0, 3600)]
    for number in (1, 2):
        assert kind.counters.hit("a", TWO)[0]
        for _ in range(3):
            assert used(kind) == (number < 2, [number, number])
    assert not kind.counters.hit("a", TWO)[0]
    kind.pass_time(20)
    _, _, (minute, hour) = kind.counters.peek("a", TWO)
    assert 30 < minute.seconds_left <= 40
    assert 3570 < hour.seconds_left <= 3580
    kind.pass_time(41)
    assert used(kind) == (True, [0, 2])


def test_without_redis_it_says_so() -> None:
    server = Redis()
    try:
        counters = RedisCounters(server.start().url)
        server.kill()
        with pytest.raises(ServiceUnavailable):
            counters.peek("a", TWO)
    finally:
        server.close()


@pytest.mark.services
@pytest.mark.parametrize(
    ("hit", "peek"),
    [
        (partial(counting.hit_token, "a", "1/hour"), partial(counting.peek_token, "a", "1/hour")),
        (partial(counting.hit_token, "b", ""), partial(counting.peek_token, "b", "")),
        (
            partial(counting.hit_failure, "2001:db8::1"),
            partial(counting.peek_failure, "2001:db8::2"),
        ),
    ],
    ids=["token", "default", "address"],
)
def test_what_is_looked_at_is_what_is_hit(
    token_settings: TokenSettings,
    hit: Callable[[], RateLimitResult],
    peek: Callable[[], RateLimitResult],
) -> None:
    token_settings.RATE_LIMIT = token_settings.FAILED_AUTH_LIMIT = "1/minute"
    assert peek().admitted
    assert hit().admitted
    assert not peek().admitted
    assert not hit().admitted
    assert (peek().full_window_names, peek().reached_limits) == (
        hit().full_window_names,
        hit().reached_limits,
    )
    assert peek().retry_after > 0
