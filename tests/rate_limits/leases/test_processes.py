"""Several processes lease from one Redis: never more than the quota, and all of it soon."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import chain
from typing import Any

import pytest

from tests.rate_limits.leases.worker import Worker
from tests.services import Redis
from tokens.rate_limits.redis_scripts import COUNT, RETURN

THOUSAND = "1000/hour"
MILLION = "1000000/hour"
Workers = Callable[[int], list[Worker]]


@pytest.fixture
def workers(redis: Redis) -> Iterator[Workers]:
    """Return a function that starts that many processes."""
    with ExitStack() as running:

        def make(number: int) -> list[Worker]:
            made = [Worker(redis.url) for _ in range(number)]
            for worker in made:
                running.callback(worker.kill)
            return made

        yield make


def together(workers: list[Worker], what: str, *arguments: Any) -> list[Any]:
    """Let all processes do the same at once."""
    for worker in workers:
        worker.begin(what, *arguments)
    return [worker.result() for worker in workers]


def admitted(workers: list[Worker], limit: str, requests: int) -> int:
    """Return how many of `requests` were admitted by all processes together."""
    return sum(map(len, together(workers, "hit", limit, requests // len(workers))))


def trips(redis: Redis) -> int:
    return int(redis.client.info("commandstats")["cmdstat_evalsha"]["calls"])


def test_two_hundred_at_once_on_a_limit_of_ten(workers: Workers) -> None:
    used = together(workers(4), "hit", "10/hour", 50)
    assert sorted(chain.from_iterable(used)) == list(range(1, 11))


def test_a_thousand_under_five_thousand_requests(workers: Workers) -> None:
    eight = workers(8)
    total = admitted(eight, THOUSAND, 5000)
    for _ in range(2):  # two seconds of trying
        together(eight, "pass_time", 1)
        total += admitted(eight, THOUSAND, 800)
        assert total <= 1000
    assert total == 1000


def test_what_stays_where_nobody_comes_any_more_is_admitted_elsewhere(workers: Workers) -> None:
    eight = workers(8)
    total = sum(admitted([worker], THOUSAND, 125) for worker in eight)
    last = eight[-1:]
    total += admitted(last, THOUSAND, 200)
    assert total < 1000  # the others hold the rest
    together(eight, "pass_time", 1)
    for _ in range(2):
        total += admitted(last, THOUSAND, 200)
        together(eight, "pass_time", 1)
    assert total == 1000


def test_a_killed_process_takes_its_lease_along(workers: Workers) -> None:
    three = workers(3)
    total = admitted(three, THOUSAND, 300)
    three.pop().kill()
    for _ in range(4):
        total += admitted(three, THOUSAND, 600)
        together(three, "pass_time", 1)
    assert 1000 - 15 <= total <= 1000


def test_a_slow_client_that_moves_from_process_to_process(workers: Workers, redis: Redis) -> None:
    """Slow means here: a process has fewer than four of its requests in a second."""
    four = workers(4)
    used = []
    for _ in range(30):
        for worker in four:
            used += together([worker], "hit", "110/hour", 1)[0]
        together(four, "pass_time", 0.26)
    assert used == list(range(1, 111))

    before = trips(redis)
    used = []
    for _ in range(10):
        for worker in four:
            used += together([worker], "hit", MILLION, 1)[0]
        together(four, "pass_time", 0.26)
    assert used == list(range(111, 151))
    assert trips(redis) - before == 40


@pytest.mark.parametrize("processes", [1, 4])
def test_a_busy_token_costs_few_trips(workers: Workers, redis: Redis, processes: int) -> None:
    some = workers(processes)
    admitted(some, MILLION, 400)
    before = trips(redis)
    assert admitted(some, MILLION, 8000) == 8000
    assert trips(redis) - before <= 8000 / 10


@pytest.mark.parametrize("limit", ["10/hour", "200/minute", THOUSAND, "500/second;2000/minute"])
def test_there_are_never_more_trips_than_requests(
    workers: Workers, redis: Redis, limit: str
) -> None:
    for script in (COUNT, RETURN):  # else each process would try once more
        redis.client.script_load(script.text)
    two, requests = workers(2), 0
    for more in (2, 2, 4, 40, 2, 600, 2):
        admitted(two, limit, more)
        together(two, "pass_time", 1)
        requests += more
        assert trips(redis) <= requests
