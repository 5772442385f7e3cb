"""Leases whose answers are lost or late."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis as client

from tests.rate_limits.leases.test_one_process import counted, hit, unspent, until_leased
from tests.run import patience
from tests.services import Redis
from tokens.core.circuit_breaker import ServiceUnavailable
from tokens.rate_limits.redis_counters import RedisCounters

pytestmark = pytest.mark.usefixtures("still_clock")


class Unlucky(RedisCounters):
    """Loses answers after Redis has done what was asked."""

    lose = 0
    trips = 0

    def _send_once(self, frame: bytes) -> Any:
        answer = super()._send_once(frame)
        self.trips += 1
        if self.lose:
            self.lose -= 1
            self._local.connection.disconnect()
            raise client.ConnectionError
        return answer


@pytest.mark.parametrize("lost", [1, 2])
def test_a_take_whose_answer_is_lost_only_wastes_quota(redis: Redis, lost: int) -> None:
    counters = Unlucky(redis.url)
    total = until_leased(counters)
    while unspent(counters):
        total += hit(counters)[0]
    counters.lose = lost
    if lost == 1:
        total += hit(counters)[0]
    else:
        with pytest.raises(ServiceUnavailable):
            hit(counters)
    for _ in range(1000):
        total += hit(counters)[0]
    assert total < 1000
    assert counted(redis) == [1000]


def test_a_return_whose_answer_is_lost_is_not_repeated(redis: Redis) -> None:
    counters = Unlucky(redis.url)
    sent = until_leased(counters)
    counters.lose, before = 1, counters.trips
    counters.return_unspent(0)
    counters.return_unspent(0)
    assert counters.trips == before + 1
    assert counted(redis) == [sent]


def test_threads_wait_for_the_one_that_takes(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let the trip of one thread take as long as the others need to come."""
    come, taken = threading.Semaphore(0), []

    class Slow(RedisCounters):
        def _count(self, key: str, windows: Any, wanted: int) -> Any:
            if wanted > 8:
                for _ in range(2):
                    assert come.acquire(timeout=patience(5))
            answer = super()._count(key, windows, wanted)
            taken.append(answer.requests)
            return answer

    counters = Slow(redis.url)
    waiting = counters._leases.wait_for_take

    def wait(*arguments: Any) -> None:
        come.release()
        waiting(*arguments)

    monkeypatch.setattr(counters._leases, "wait_for_take", wait)
    until_leased(counters)
    for _ in range(7):
        hit(counters)
    trips = len(taken)
    with ThreadPoolExecutor(3) as pool:
        assert all(admitted for admitted, _ in pool.map(lambda _: hit(counters), range(3)))
    assert taken[trips:] == [15]
