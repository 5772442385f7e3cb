"""A limit admits exactly its quota of concurrent requests, with many processes or threads."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import http_sf
import pytest

from tests.quicker import first_quickly
from tests.run import patience, until
from tests.system.calls import Answer, call
from tests.system.conftest import Sites

AT_ONCE = 200
QUOTA = 10
MANY = 1000  # so many that processes lease
ROUNDS = 3


def at_once(port: int, value: str) -> list[Answer]:
    gate = Barrier(AT_ONCE)

    def run(_: int) -> Answer:
        gate.wait(timeout=patience(10))
        return call(port, value, timeout=patience(10))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, range(AT_ONCE)))


def structured(field: str) -> Any:
    """The members of a list (RFC 9651), each with its parameters; raises where it is not one."""
    return http_sf.parse(field.encode(), tltype="list")


def check_fields(answer: Answer) -> int:
    """How many requests the answer says remain."""
    policies = structured(answer.headers["RateLimit-Policy"])
    assert policies == [("token", {"q": QUOTA, "w": 3600})]
    [(name, left)] = structured(answer.headers["RateLimit"])
    assert (name, set(left)) == ("token", {"r", "t"})
    assert 0 < left["t"] <= 3600
    return int(left["r"])


@pytest.mark.parametrize(
    "on",
    first_quickly(
        [{"postgresql": True, "redis": True, "WEB_WORKERS": "4"}, {"WEB_THREADS": "32"}], 1
    ),
    ids=["4 processes and Redis", "32 threads and memory"],
)
def test_exactly_the_quota_is_admitted(sites: Sites, on: dict[str, Any]) -> None:
    site = sites(**on, TOKEN_RATE_LIMIT=f"{QUOTA}/hour")
    rounds = 0
    for _ in range(10 * ROUNDS):
        answers = at_once(site.server.port, site.console.issue())
        outcomes = Counter((answer.status, answer.code) for answer in answers)
        assert outcomes[200, ""] <= QUOTA
        if (503, "unavailable") in outcomes:
            continue  # on a very busy machine the counters did not answer in time
        assert outcomes == {(200, ""): QUOTA, (429, "rate_limited"): AT_ONCE - QUOTA}
        assert sorted(check_fields(answer) for answer in answers if answer.status == 200) == list(
            range(QUOTA)
        )
        for refused in (answer for answer in answers if answer.status == 429):
            assert check_fields(refused) == 0
            assert 0 < int(refused.headers["Retry-After"]) <= 3600
        rounds += 1
        if rounds == ROUNDS:
            return
    pytest.fail("The counters did not answer in time in most rounds.")


@pytest.mark.long
def test_a_quota_of_which_processes_lease_is_admitted_as_a_whole(sites: Sites) -> None:
    """After the bursts some processes hold what they do not spend, until they return it."""
    site = sites(
        postgresql=True,
        redis=True,
        WEB_WORKERS="4",
        TOKEN_RATE_LIMIT=f"{MANY}/hour",
        TOKEN_LEASES="on",
    )
    assert site.redis
    value, admitted, requests = site.console.issue(), 0, 0

    def ask(_: int) -> bool:
        return call(site.server.port, value, timeout=patience(10)).status == 200

    with ThreadPoolExecutor(16) as pool:

        def all_are_admitted() -> None:
            nonlocal admitted, requests
            requests += 200
            admitted += sum(pool.map(ask, range(200)))
            assert admitted >= MANY

        until(all_are_admitted, AssertionError, seconds=20)
        admitted += sum(pool.map(ask, range(200)))
    assert admitted == MANY
    trips = site.redis.client.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert trips < requests
