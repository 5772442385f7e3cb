"""Counting requests: in memory and in Redis alike, and what is Redis's own."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from tests.services import Redis, until
from tokens import limits
from tokens.breaker import PAUSE_SECONDS, Down
from tokens.limits import Counters, MemoryCounters, RedisCounters
from tokens.quota import Verdict, parse

TEN = parse("10/minute")


@pytest.fixture
def redis() -> Iterator[Redis]:
    server = Redis()
    try:
        yield server.start()
    finally:
        server.close()


class Clock:
    """What this process takes for the time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed = 0.0
        for module in ("tokens.limits", "tokens.breaker"):
            monkeypatch.setattr(f"{module}.time", SimpleNamespace(monotonic=self.monotonic))

    def monotonic(self) -> float:
        return time.monotonic() + self.passed

    def pass_time(self, seconds: float) -> None:
        self.passed += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Kind(NamedTuple):
    """Counters, and what makes time pass for them."""

    counters: Counters
    pass_time: Callable[[float], None]

    def hit(self, notation: str = "10/minute", key: str = "a") -> Verdict:
        return Verdict(*self.counters.hit(key, parse(notation)), "token")


@pytest.fixture(params=["memory", "redis"])
def kind(request: pytest.FixtureRequest, clock: Clock) -> Kind:
    """Each test with this runs for both kinds."""
    if request.param == "memory":
        return Kind(MemoryCounters(clock.monotonic), clock.pass_time)
    server = request.getfixturevalue("redis")

    def pass_time(seconds: float) -> None:
        clock.pass_time(seconds)
        server.pass_time(seconds)

    return Kind(RedisCounters(server.url), pass_time)


def test_a_window_begins_with_its_first_request_and_admits_its_quota(kind: Kind) -> None:
    kind.pass_time(31)  # no boundary of the clock's minutes counts
    assert kind.hit().left == [(9, 60)]
    kind.pass_time(50)
    assert [kind.hit().admitted for _ in range(12)] == 9 * [True] + 3 * [False]
    assert kind.hit().left == [(0, 10)]
    kind.pass_time(9)
    assert not kind.hit().admitted
    kind.pass_time(1)
    assert kind.hit().left == [(9, 60)]


def test_a_window_ends_even_where_refused_requests_never_pause(kind: Kind) -> None:
    for _ in range(10):
        kind.hit()
    refused = 0
    while not kind.hit().admitted:
        kind.pass_time(1)
        refused += 1
    assert refused == 60


def test_several_windows_count_all_or_nothing(kind: Kind) -> None:
    notation = "2/second;4/minute"
    assert [kind.hit(notation).left for _ in range(2)] == [[(1, 1), (3, 60)], [(0, 1), (2, 60)]]
    for _ in range(3):
        refused = kind.hit(notation)
        assert (refused.admitted, refused.left, refused.violated) == (False, [(0, 1), (2, 60)], ["token-1"])
    kind.pass_time(1)
    assert [kind.hit(notation).left for _ in range(2)] == [[(1, 1), (1, 59)], [(0, 1), (0, 59)]]
    kind.pass_time(1)
    for _ in range(3):
        refused = kind.hit(notation)
        assert (refused.admitted, refused.violated, refused.retry_after) == (False, ["token-60"], 58)
        assert refused.left == [(2, 1), (0, 58)]
    kind.pass_time(58)
    assert kind.hit(notation).left == [(1, 1), (3, 60)]


@pytest.mark.parametrize("notation", ["1/second", "3/minute", "2/second;3/minute", "3/second;3/minute"])
def test_after_retry_after_it_succeeds_and_a_second_before_it_does_not(kind: Kind, notation: str) -> None:
    while (verdict := kind.hit(notation)).admitted:
        kind.pass_time(0.4)
    kind.pass_time(max(verdict.retry_after - 1.5, 0))
    assert not kind.hit(notation).admitted
    kind.pass_time(min(verdict.retry_after, 1.5))
    assert kind.hit(notation).admitted


def test_another_limit_on_the_same_length_sees_what_was_counted(kind: Kind) -> None:
    for _ in range(3):
        kind.hit("10/minute")
    assert not kind.hit("3/minute").admitted
    assert kind.hit("5/minute").left == [(1, 60)]
    assert kind.hit("10/second;5/minute").left == [(9, 1), (0, 60)]
    assert not kind.hit("5/minute").admitted
    assert kind.hit("10/minute").left == [(4, 60)]


def test_keys_do_not_meet(kind: Kind) -> None:
    for key in ("a", "b", "failed a"):
        assert kind.hit("1/minute", key).admitted
        assert not kind.hit("1/minute", key).admitted


def test_threads_together_are_admitted_no_more_often(kind: Kind) -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(20) as pool:
            admitted = Counter(pool.map(lambda _: kind.hit("100/minute").admitted, range(400)))
    finally:
        sys.setswitchinterval(interval)
    assert admitted == {True: 100, False: 300}


def test_memory_is_swept(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SWEEP_AT", 10)
    counters = MemoryCounters(clock.monotonic)
    for number in range(1000):
        counters.hit(str(number), TEN)
        clock.pass_time(1)
    assert len(counters._counts) <= 60 + 60  # those that still run, and as many again until the next sweep
    assert counters.hit("999", TEN)[2][0].used == 2


def test_what_redis_keeps_ends_by_itself(redis: Redis) -> None:
    RedisCounters(redis.url).hit("a", parse("10/minute;100/hour"))
    lifetimes = sorted(redis.client.pttl(key) for key in redis.client.scan_iter())
    assert lifetimes == [pytest.approx(60_000, abs=5000), pytest.approx(3_600_000, abs=5000)]


# What is full is known here: a flood does not reach Redis


def test_what_is_full_is_refused_without_redis_until_it_ends(redis: Redis, clock: Clock) -> None:
    counters = RedisCounters(redis.url)
    kind = Kind(counters, clock.pass_time)
    for _ in range(3):
        verdict = kind.hit("1/second;2/minute")
    assert verdict.left == [(0, 1), (1, 60)]
    redis.freeze()
    assert kind.hit("1/second;2/minute").left == verdict.left
    clock.pass_time(1)
    with pytest.raises(Down):
        kind.hit("1/second;2/minute")
    redis.thaw()


def test_a_larger_limit_is_not_held_back_by_it(redis: Redis) -> None:
    counters = RedisCounters(redis.url)
    assert [counters.hit("a", parse(notation))[0] for notation in ("1/minute", "1/minute", "2/minute")] == [
        True,
        False,
        True,
    ]


def test_no_more_than_so_many_are_known(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SWEEP_AT", 10)
    counters = RedisCounters(redis.url)
    for number in range(50):
        for _ in range(2):
            admitted, *_ = counters.hit(str(number), parse("1/minute"))
        assert not admitted
        assert len(counters._full) <= 10


# Redis away


@pytest.mark.parametrize("how", ["freeze", "kill"])
def test_without_redis_nothing_is_admitted_and_all_recovers(redis: Redis, clock: Clock, how: str) -> None:
    counters = RedisCounters(redis.url)
    assert counters.hit("a", TEN)[0]
    getattr(redis, how)()
    began = time.monotonic()
    with pytest.raises(Down):
        counters.hit("a", TEN)
    assert time.monotonic() - began < 1
    getattr(redis, {"freeze": "thaw", "kill": "start"}[how])()
    until(redis.ping, Exception)
    for _ in range(100):
        with pytest.raises(Down):  # at once, without asking
            counters.hit("a", TEN)
    clock.pass_time(PAUSE_SECONDS)
    assert counters.hit("a", TEN)[0]
    assert counters.hit("a", TEN)[0]


def test_only_one_waits_for_a_redis_that_is_still_away(redis: Redis, clock: Clock) -> None:
    counters = RedisCounters(redis.url)
    redis.freeze()
    waited = []

    def hit(_: int) -> None:
        began = time.monotonic()
        with pytest.raises(Down):
            counters.hit("a", TEN)
        waited.append(time.monotonic() - began > limits.WAIT_SECONDS / 2)

    hit(0)
    clock.pass_time(PAUSE_SECONDS)
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(hit, range(20)))
    assert waited[0]
    assert Counter(waited[1:]) == {True: 1, False: 19}
    redis.thaw()


def test_a_connection_that_was_ended_while_idle_is_made_again(redis: Redis) -> None:
    counters = RedisCounters(redis.url)
    assert counters.hit("a", TEN)[2][0].used == 1
    redis.client.client_kill_filter(_type="normal", skipme=True)
    assert counters.hit("a", TEN)[2][0].used == 2


def test_an_error_of_redis_is_no_free_passage(redis: Redis) -> None:
    redis.client.lpush("tokenry:{a}:60", "not a number")
    with pytest.raises(Down):
        RedisCounters(redis.url).hit("a", TEN)
