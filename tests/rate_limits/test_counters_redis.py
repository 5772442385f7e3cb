"""Count requests in Redis: full windows that the process remembers, and an absent Redis."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.rate_limits.conftest import A_LITTLE, Clock, Kind
from tests.rate_limits.test_counters import TEN, check_left
from tests.run import until, within
from tests.services import Redis
from tokens.core.circuit_breaker import FAILURES_TO_OPEN, OPEN_SECONDS, ServiceUnavailable
from tokens.rate_limits import redis_counters
from tokens.rate_limits.limits import parse_rate_limit
from tokens.rate_limits.redis_counters import (
    RECHECK_SECONDS,
    REDIS_WAIT_SECONDS,
    RedisCounters,
)
from tokens.rate_limits.redis_scripts import redis_keys


def test_what_redis_keeps_ends_by_itself(redis: Redis) -> None:
    RedisCounters(redis.url).hit("a", parse_rate_limit("10/minute;100/hour"))
    lifetimes = sorted(redis.client.pttl(key) for key in redis.client.scan_iter())
    assert lifetimes == [pytest.approx(60_000, abs=5000), pytest.approx(3_600_000, abs=5000)]


def test_seconds_left_are_never_too_few(redis: Redis) -> None:
    counters = RedisCounters(redis.url)
    for _ in range(3):
        counters.hit("a", TEN)
    *_, [count] = counters.hit("a", TEN)
    still = redis.client.pttl(redis_keys("a", TEN)[0]) / 1000
    assert still <= count.seconds_left <= still + 5


# The process remembers full windows, so a flood of requests does not reach Redis


def test_what_is_full_is_refused_without_redis_until_it_ends(redis: Redis, clock: Clock) -> None:
    kind = Kind(RedisCounters(redis.url), clock.pass_time)
    for _ in range(2):
        kind.hit("1/minute;3/hour")
    redis.kill()
    for _ in range(100):
        check_left(kind.hit("1/minute;3/hour"), (0, 60), (2, 3600))
    clock.pass_time(60)
    with pytest.raises(ServiceUnavailable):
        kind.hit("1/minute;3/hour")


def test_redis_is_asked_about_a_full_limit_only_now_and_then(redis: Redis, clock: Clock) -> None:
    kind = Kind(RedisCounters(redis.url), clock.pass_time)
    while kind.hit("3/hour").admitted:
        pass
    before = redis.client.info("commandstats")["cmdstat_evalsha"]["calls"]
    for _ in range(3):
        clock.pass_time(RECHECK_SECONDS)
        for _ in range(10):
            check_left(kind.hit("3/hour"), (0, 3600))
    after = redis.client.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert 3 <= after - before < 30  # over 3 on a slow machine


def test_after_redis_lost_its_data_all_processes_count_anew(redis: Redis, clock: Clock) -> None:
    one, other = (Kind(RedisCounters(redis.url), clock.pass_time) for _ in range(2))
    while one.hit("3/hour").admitted:
        pass
    assert not other.hit("3/hour").admitted
    redis.client.flushall()
    clock.pass_time(RECHECK_SECONDS)
    admitted = [kind.hit("3/hour").admitted for _ in range(3) for kind in (one, other)]
    assert admitted == 3 * [True] + 3 * [False]


def test_a_larger_limit_is_not_held_back_by_it(redis: Redis) -> None:
    counters = RedisCounters(redis.url)
    limits = map(parse_rate_limit, ("1/minute", "1/minute", "2/minute"))
    assert [counters.hit("a", windows)[0] for windows in limits] == [True, False, True]


def test_no_more_than_so_many_are_known(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_counters, "MAX_FULL_WINDOWS", 10)
    counters = RedisCounters(redis.url)
    for number in range(50):
        for _ in range(2):
            admitted, *_ = counters.hit(str(number), parse_rate_limit("1/minute"))
        assert not admitted
        assert len(counters._full) <= 10


# Redis does not answer


@pytest.mark.parametrize("how", ["freeze", "kill"])
def test_without_redis_nothing_is_admitted_and_all_recovers(
    redis: Redis, clock: Clock, how: str
) -> None:
    counters = RedisCounters(redis.url)
    assert counters.hit("a", TEN)[0]
    getattr(redis, how)()
    clock.pass_time(REDIS_WAIT_SECONDS)
    for _ in range(FAILURES_TO_OPEN):
        began = time.monotonic()
        with pytest.raises(ServiceUnavailable):
            counters.hit("a", TEN)
        assert time.monotonic() - began < within(0.3)
    getattr(redis, {"freeze": "thaw", "kill": "start"}[how])()
    until(redis.ping, Exception)
    for _ in range(100):
        with pytest.raises(ServiceUnavailable):  # at once, without asking
            counters.hit("a", TEN)
    clock.pass_time(OPEN_SECONDS)
    assert counters.hit("a", TEN)[0]
    assert counters.hit("a", TEN)[0]


def test_only_one_waits_for_a_redis_that_is_still_away(redis: Redis, clock: Clock) -> None:
    counters = RedisCounters(redis.url)
    redis.freeze()
    waited = []

    def hit(_: int) -> None:
        began = time.monotonic()
        with pytest.raises(ServiceUnavailable):
            counters.hit("a", TEN)
        waited.append(time.monotonic() - began > REDIS_WAIT_SECONDS / 2)

    for _ in range(FAILURES_TO_OPEN):
        hit(0)
    clock.pass_time(OPEN_SECONDS)
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(hit, range(20)))
    assert all(waited[:FAILURES_TO_OPEN])
    assert Counter(waited[FAILURES_TO_OPEN:]) == {True: 1, False: 19}
    redis.thaw()


def test_a_connection_that_was_ended_while_idle_is_made_again(redis: Redis) -> None:
    counters = RedisCounters(redis.url)
    assert counters.hit("a", TEN)[2][0].used == 1
    redis.client.client_kill_filter(_type="normal", skipme=True)
    assert counters.hit("a", TEN)[2][0].used == 2


def test_a_clock_of_redis_that_goes_back_holds_nobody_up_for_longer_than_a_window(
    redis: Redis, clock: Clock
) -> None:
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
    redis.client.lpush(redis_keys("a", TEN)[0], "not a number")
    with pytest.raises(ServiceUnavailable):
        RedisCounters(redis.url).hit("a", TEN)
