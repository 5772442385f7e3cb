"""Counting requests: in memory and in Redis alike, and what is Redis's own."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from pytest_django import Settings

from tests.run import patience, until, within
from tests.services import Redis
from tokens import limits
from tokens.breaker import FAILURES, PAUSE_SECONDS, Down
from tokens.limits import Counters, MemoryCounters, RedisCounters, names
from tokens.quota import Verdict, parse

A_LITTLE = 0.01  # seconds more, so that no millisecond of Redis's decides
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
        self.passed += seconds + A_LITTLE


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
        server.pass_time(seconds + A_LITTLE)

    return Kind(RedisCounters(server.url), pass_time)


def check_left(verdict: Verdict, *expected: tuple[int, int]) -> None:
    """Requests exactly; seconds as expected, or less by what the test itself has taken."""
    assert [remaining for remaining, _ in verdict.left] == [remaining for remaining, _ in expected]
    for (_, seconds), (_, most) in zip(verdict.left, expected, strict=True):
        assert most - 5 <= seconds <= most


def test_a_window_begins_with_its_first_request_and_admits_its_quota(kind: Kind) -> None:
    kind.pass_time(31)  # no boundary of the clock's minutes counts
    check_left(kind.hit(), (9, 60))
    kind.pass_time(40)
    assert [kind.hit().admitted for _ in range(12)] == 9 * [True] + 3 * [False]
    check_left(kind.hit(), (0, 20))
    kind.pass_time(10)
    assert not kind.hit().admitted
    kind.pass_time(10)
    check_left(kind.hit(), (9, 60))


def test_a_window_ends_even_where_refused_requests_never_pause(kind: Kind) -> None:
    for _ in range(10):
        kind.hit()
    refused = 0
    while not kind.hit().admitted:
        kind.pass_time(10)
        refused += 1
    assert refused == 6


def test_several_windows_count_all_or_nothing(kind: Kind) -> None:
    notation = "2/minute;4/hour"
    check_left(kind.hit(notation), (1, 60), (3, 3600))
    check_left(kind.hit(notation), (0, 60), (2, 3600))
    for _ in range(3):
        refused = kind.hit(notation)
        assert (refused.admitted, refused.violated) == (False, ["token-60"])
        check_left(refused, (0, 60), (2, 3600))
    kind.pass_time(60)
    check_left(kind.hit(notation), (1, 60), (1, 3540))
    check_left(kind.hit(notation), (0, 60), (0, 3540))
    refused = kind.hit(notation)
    assert (refused.admitted, refused.violated) == (False, ["token-60", "token-3600"])
    kind.pass_time(60)
    for _ in range(3):
        refused = kind.hit(notation)
        assert (refused.admitted, refused.violated) == (False, ["token-3600"])
        check_left(refused, (2, 60), (0, 3480))
    kind.pass_time(3480)
    check_left(kind.hit(notation), (1, 60), (3, 3600))


@pytest.mark.parametrize("notation", ["1/minute", "3/minute", "2/minute;3/hour", "3/minute;3/hour"])
def test_after_retry_after_it_succeeds_and_not_long_before(kind: Kind, notation: str) -> None:
    while (verdict := kind.hit(notation)).admitted:
        kind.pass_time(7)
    kind.pass_time(verdict.retry_after - 10)
    assert not kind.hit(notation).admitted
    kind.pass_time(10)
    assert kind.hit(notation).admitted


def test_another_limit_on_the_same_length_sees_what_was_counted(kind: Kind) -> None:
    for _ in range(3):
        kind.hit("10/minute")
    assert not kind.hit("3/minute").admitted
    check_left(kind.hit("5/minute"), (1, 60))
    check_left(kind.hit("5/minute;10/hour"), (0, 60), (9, 3600))
    assert not kind.hit("5/minute").admitted
    check_left(kind.hit("10/minute"), (4, 60))


def test_keys_do_not_meet(kind: Kind) -> None:
    for key in ("a", "b", "failed a"):
        assert kind.hit("1/minute", key).admitted
        assert not kind.hit("1/minute", key).admitted


class Yielding(dict[tuple[str, int], tuple[int, float]]):
    """Lets another thread go on between reading a count and writing the next."""

    def get(self, *arguments: Any) -> Any:
        found = super().get(*arguments)
        time.sleep(0)
        return found


@pytest.mark.filterwarnings(
    "ignore:Exception ignored in.*<socket:pytest.PytestUnraisableExceptionWarning"
)  # its threads' own
def test_threads_together_are_admitted_no_more_often(kind: Kind) -> None:
    if isinstance(kind.counters, MemoryCounters):
        kind.counters._counts = Yielding()
    with ThreadPoolExecutor(20) as pool:
        admitted = Counter(pool.map(lambda _: kind.hit("100/minute").admitted, range(400)))
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


def test_seconds_left_are_never_too_few(redis: Redis) -> None:
    counters = RedisCounters(redis.url)
    for _ in range(3):
        counters.hit("a", TEN)
    *_, [count] = counters.hit("a", TEN)
    still = redis.client.pttl(names("a", TEN)[0]) / 1000
    assert still <= count.seconds_left <= still + 5


# What is full is known here: a flood does not reach Redis


def test_what_is_full_is_refused_without_redis_until_it_ends(redis: Redis, clock: Clock) -> None:
    kind = Kind(RedisCounters(redis.url), clock.pass_time)
    for _ in range(2):
        kind.hit("1/minute;3/hour")
    redis.kill()
    for _ in range(100):
        check_left(kind.hit("1/minute;3/hour"), (0, 60), (2, 3600))
    clock.pass_time(60)
    with pytest.raises(Down):
        kind.hit("1/minute;3/hour")


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
    clock.pass_time(limits.WAIT_SECONDS)
    for _ in range(FAILURES):
        began = time.monotonic()
        with pytest.raises(Down):
            counters.hit("a", TEN)
        assert time.monotonic() - began < within(0.3)
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

    for _ in range(FAILURES):
        hit(0)
    clock.pass_time(PAUSE_SECONDS)
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(hit, range(20)))
    assert all(waited[:FAILURES])
    assert Counter(waited[FAILURES:]) == {True: 1, False: 19}
    redis.thaw()


def test_a_connection_that_was_ended_while_idle_is_made_again(redis: Redis) -> None:
    counters = RedisCounters(redis.url)
    assert counters.hit("a", TEN)[2][0].used == 1
    redis.client.client_kill_filter(_type="normal", skipme=True)
    assert counters.hit("a", TEN)[2][0].used == 2


def test_a_clock_of_redis_that_goes_back_holds_nobody_up_for_longer_than_a_window(redis: Redis, clock: Clock) -> None:
    kind = Kind(RedisCounters(redis.url), clock.pass_time)
    while kind.hit().admitted:
        pass
    redis.pass_time(-3600)
    clock.pass_time(60)  # this process's clock goes on, so it asks Redis again
    check_left(kind.hit(), (0, 60))
    redis.pass_time(60 + A_LITTLE)
    clock.pass_time(60)
    check_left(kind.hit(), (9, 60))


def test_an_error_of_redis_is_no_free_passage(redis: Redis) -> None:
    redis.client.lpush(names("a", TEN)[0], "not a number")
    with pytest.raises(Down):
        RedisCounters(redis.url).hit("a", TEN)


def test_threads_that_ask_first_share_their_counters(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Each would admit a quota of its own, and right after a start many ask at once."""
    settings.REDIS_URL = ""
    both = threading.Barrier(2)

    class MadeTogether(MemoryCounters):
        def __init__(self) -> None:
            both.wait(timeout=patience(5))
            super().__init__()

    monkeypatch.setattr(limits, "MemoryCounters", MadeTogether)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: limits.counters(), range(2))
    assert first is second
    limits.made.clear()
