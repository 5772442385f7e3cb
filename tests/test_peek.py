"""Looking at the counters without counting: in memory and in Redis alike."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import pytest
from pytest_django import Settings

from tests.services import Redis
from tokens import limits
from tokens.breaker import Down
from tokens.limits import Counters, MemoryCounters, RedisCounters
from tokens.quota import Count, Verdict, parse

TWO = parse("2/minute;10/hour")


class Kind(NamedTuple):
    """Counters, and what makes seconds pass for them."""

    counters: Counters
    pass_time: Callable[[float], None]


@pytest.fixture(params=["memory", "redis"])
def kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    """Each test with this runs for both kinds."""
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
    assert kind.counters.peek("a", TWO)[2] == [Count(0, 60), Count(0, 3600)]
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
        with pytest.raises(Down):
            counters.peek("a", TWO)
    finally:
        server.close()


@pytest.mark.services
@pytest.mark.parametrize(
    ("hit", "peek"),
    [
        (partial(limits.hit_token, "a", "1/hour"), partial(limits.peek_token, "a", "1/hour")),
        (partial(limits.hit_token, "b", ""), partial(limits.peek_token, "b", "")),
        (partial(limits.hit_failure, "2001:db8::1"), partial(limits.peek_failure, "2001:db8::2")),
    ],
    ids=["token", "default", "address"],
)
def test_what_is_looked_at_is_what_is_hit(
    settings: Settings, hit: Callable[[], Verdict], peek: Callable[[], Verdict]
) -> None:
    settings.TOKEN_RATE_LIMIT = settings.FAILED_AUTH_LIMIT = "1/minute"
    assert peek().admitted
    assert hit().admitted
    assert not peek().admitted
    assert not hit().admitted
    assert (peek().violated, peek().words) == (hit().violated, hit().words)
    assert peek().retry_after > 0
