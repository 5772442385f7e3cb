"""Leases of one process in a real Redis: what ends them, and what never leases."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.rate_limits.conftest import StillClock
from tests.rate_limits.test_counters import TEN
from tests.run import until
from tests.services import Redis
from tokens.core.circuit_breaker import ServiceUnavailable
from tokens.rate_limits import counters as counting
from tokens.rate_limits.limits import WindowCount, parse_rate_limit
from tokens.rate_limits.quota_leases import QUOTA_LEASE_SECONDS
from tokens.rate_limits.redis_counters import RECHECK_SECONDS, RedisCounters
from tokens.rate_limits.redis_scripts import redis_keys
from tokens.token_settings import TokenSettings
from tokens.usage.recorder import Recorder

pytestmark = pytest.mark.usefixtures("still_clock")

THOUSAND = parse_rate_limit("1000/hour")
MINUTE_TOO = parse_rate_limit("900/minute;100000/hour")


def hit(counters: RedisCounters, windows: Any = THOUSAND) -> tuple[bool, list[WindowCount]]:
    admitted, _, counts = counters.hit("a", windows, may_lease=True)
    return admitted, counts


def until_leased(counters: RedisCounters, windows: Any = THOUSAND) -> int:
    """Take a lease of 1, 2, 4 and 8 requests. Leave 7. Return how many requests were sent."""
    for _ in range(8):
        assert hit(counters, windows)[0]
    assert unspent(counters, windows) == 7
    return 8


def counted(redis: Redis, windows: Any = THOUSAND) -> list[int]:
    return [int(redis.client.get(key) or 0) for key in redis_keys("a", windows)]


def unspent(counters: RedisCounters, windows: Any = THOUSAND) -> int:
    return counters._leases._leases["a", windows].unspent


def test_what_is_left_is_what_this_process_knows(redis: Redis) -> None:
    counters = RedisCounters(redis.url)
    used = [hit(counters)[1][0].used for _ in range(100)]
    assert used == list(range(1, 101))
    assert counted(redis) == [100 + unspent(counters)]


def test_it_ends_before_the_window_does(redis: Redis, still_clock: StillClock) -> None:
    counters = RedisCounters(redis.url)
    until_leased(counters, MINUTE_TOO)
    still_clock.pass_time(54)  # 0.9 of the minute
    before = counted(redis, MINUTE_TOO)
    assert hit(counters, MINUTE_TOO)[0]
    assert counted(redis, MINUTE_TOO) == [used + 1 for used in before]


def test_what_is_idle_goes_back(redis: Redis, still_clock: StillClock) -> None:
    counters = RedisCounters(redis.url)
    sent = until_leased(counters, MINUTE_TOO)
    counters.return_unspent(60)
    assert counted(redis, MINUTE_TOO)[0] > sent
    still_clock.pass_time(QUOTA_LEASE_SECONDS)
    counters.return_unspent(QUOTA_LEASE_SECONDS)
    assert counted(redis, MINUTE_TOO) == [sent, sent]
    assert hit(counters, MINUTE_TOO)[1][0].used == sent + 1


def test_after_the_minute_it_goes_back_into_the_hour(
    redis: Redis, still_clock: StillClock
) -> None:
    counters = RedisCounters(redis.url)
    sent = until_leased(counters, MINUTE_TOO)
    redis.client.delete(redis_keys("a", MINUTE_TOO)[0])
    still_clock.pass_time(60)
    assert [used for used, _ in hit(counters, MINUTE_TOO)[1]] == [1, sent + 7 + 1]
    counters.return_unspent(QUOTA_LEASE_SECONDS)
    assert counted(redis, MINUTE_TOO) == [1, sent + 1]


def test_a_changed_limit_finds_no_lease(redis: Redis) -> None:
    counters = RedisCounters(redis.url)
    until_leased(counters)
    total = counted(redis)[0]
    smaller = parse_rate_limit(f"{total}/hour")
    assert not hit(counters, smaller)[0]
    larger = parse_rate_limit(f"{total + 1}/hour")
    assert hit(counters, larger)[1][0].used == total + 1


def test_a_forked_process_has_no_lease_and_a_connection_of_its_own(redis: Redis) -> None:
    counters = RedisCounters(redis.url)
    until_leased(counters)
    before, total = unspent(counters), counted(redis)[0]
    child = os.fork()
    if not child:
        try:
            os._exit(0 if hit(counters)[1][0].used == total + 1 else 1)
        finally:
            os._exit(2)  # an exception must not run the rest of the suite twice
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert counted(redis) == [total + 1]
    assert unspent(counters) == before
    for _ in range(before + 1):
        assert hit(counters)[0]  # the connection still works


def test_a_thousand_are_admitted_and_no_more(redis: Redis) -> None:
    counters = RedisCounters(redis.url)
    admitted = [hit(counters)[0] for _ in range(1100)]
    assert admitted == 1000 * [True] + 100 * [False]


# The connections of the pool's threads are never closed.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in.*<socket:pytest.PytestUnraisableExceptionWarning"
)
def test_threads_together_spend_each_request_once(redis: Redis) -> None:
    counters = RedisCounters(redis.url)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: hit(counters), range(1500)))
    used = sorted(counts[0].used for admitted, counts in answers if admitted)
    assert len(used) == 1000
    assert used[-1] == 1000


def test_after_redis_forgot_the_scripts(redis: Redis, still_clock: StillClock) -> None:
    counters = RedisCounters(redis.url)
    sent = until_leased(counters)
    redis.client.script_flush()
    counters.return_unspent(0)
    assert counted(redis) == [sent]
    redis.client.script_flush()
    assert hit(counters)[1][0].used == sent + 1
    counters.probe()


def test_after_redis_started_again_without_its_data(redis: Redis, still_clock: StillClock) -> None:
    counters = RedisCounters(redis.url)
    until_leased(counters)
    redis.kill()
    redis.start()
    still_clock.pass_time(QUOTA_LEASE_SECONDS)
    hit(RedisCounters(redis.url))
    counters.return_unspent(0)  # nothing: this is another window
    assert counted(redis) == [1]
    until(lambda: hit(counters), ServiceUnavailable)
    assert counted(redis)[0] - unspent(counters) == 2


def test_without_redis_what_is_leased_is_admitted_and_nothing_else(redis: Redis) -> None:
    counters = RedisCounters(redis.url)
    until_leased(counters)
    redis.kill()
    for _ in range(unspent(counters)):
        assert hit(counters)[0]
    for _ in range(5):
        with pytest.raises(ServiceUnavailable):
            hit(counters)
    counters.return_unspent(0)  # raises nothing


@pytest.mark.parametrize("end", ["busy", "stop"])
def test_the_recorder_returns_what_is_idle(
    redis: Redis, still_clock: StillClock, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    counters = RedisCounters(redis.url)
    monkeypatch.setitem(counting.shared_counters, "counters", counters)
    sent = until_leased(counters)
    recorder = Recorder()
    monkeypatch.setattr(recorder, "flush", lambda: None)
    if end == "stop":
        recorder.stop()
    else:
        still_clock.pass_time(QUOTA_LEASE_SECONDS)
        waits = iter([False, True])
        monkeypatch.setattr(recorder._stopping, "wait", lambda _: next(waits))
        recorder._run()
    assert counted(redis) == [sent]
    del counting.shared_counters["counters"]


def test_another_process_admits_what_was_returned_soon_after(
    redis: Redis, still_clock: StillClock
) -> None:
    one, other = RedisCounters(redis.url), RedisCounters(redis.url)
    until_leased(one)
    while hit(other)[0]:
        pass
    assert counted(redis) == [1000]
    still_clock.pass_time(max(RECHECK_SECONDS, QUOTA_LEASE_SECONDS))
    one.return_unspent(QUOTA_LEASE_SECONDS)
    assert [hit(other)[0] for _ in range(8)] == 7 * [True] + [False]


# What never leases


@pytest.mark.services
@pytest.mark.parametrize("leases", [True, False])
@pytest.mark.parametrize(
    ("send", "is_leased"),
    [
        (lambda: counting.hit_token("a", "1000/hour"), True),
        (lambda: counting.peek_token("a", "1000/hour"), False),
        (lambda: counting.hit_failure("192.0.2.1"), False),
        (lambda: counting.peek_failure("192.0.2.1"), False),
    ],
    ids=["token", "token-peek", "failure", "failure-peek"],
)
def test_only_hits_of_tokens_are_leased(
    redis: Redis,
    token_settings: TokenSettings,
    leases: bool,
    send: Callable[[], Any],
    is_leased: bool,
) -> None:
    token_settings.REDIS_URL, token_settings.LEASES = redis.url, leases
    token_settings.FAILED_AUTH_LIMIT = "1000/hour"
    for _ in range(100):
        assert send().admitted
    counters = counting.get_counters()
    assert isinstance(counters, RedisCounters)
    found = [lease.ends_at for lease in counters._leases._leases.values()]
    assert any(found) == (leases and is_leased)
    counting.shared_counters.clear()


@pytest.mark.parametrize("limit", [TEN, parse_rate_limit("127/hour")])
def test_a_small_quota_is_taken_one_by_one(redis: Redis, limit: Any) -> None:
    counters = RedisCounters(redis.url)
    quota = limit[0].quota
    for number in range(quota):
        assert counted(redis, limit) == [number]
        assert hit(counters, limit)[0]
    assert not hit(counters, limit)[0]


def test_it_works_over_a_unix_socket(redis: Redis) -> None:
    counters = RedisCounters(f"unix://{redis.folder}/redis.sock?db=3")
    assert [hit(counters)[1][0].used for _ in range(50)] == list(range(1, 51))
    assert redis.client.info("keyspace").keys() == {"db3"}
