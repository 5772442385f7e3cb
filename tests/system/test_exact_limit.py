"""Of many requests at once a limit admits exactly its quota, however many processes or threads count."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import http_sf
import pytest

from tests.run import patience
from tests.system.calls import Answer, call
from tests.system.conftest import Sites

AT_ONCE = 200
QUOTA = 10
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
    [{"postgresql": True, "redis": True, "WEB_WORKERS": "4"}, {"WEB_THREADS": "32"}],
    ids=["4 processes and Redis", "32 threads and memory"],
)
def test_exactly_the_quota_is_admitted(sites: Sites, on: dict[str, Any]) -> None:
    site = sites(**on, TOKEN_RATE_LIMIT=f"{QUOTA}/hour")
    for _ in range(ROUNDS):
        answers = at_once(site.server.port, site.console.issue())
        outcomes = Counter((answer.status, answer.code) for answer in answers)
        assert outcomes == {(200, ""): QUOTA, (429, "rate_limited"): AT_ONCE - QUOTA}
        assert sorted(check_fields(answer) for answer in answers if answer.status == 200) == list(range(QUOTA))
        for refused in (answer for answer in answers if answer.status == 429):
            assert check_fields(refused) == 0
            assert 0 < int(refused.headers["Retry-After"]) <= 3600
