"""No process admits a request that began after the commit of its token's revocation."""

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

from tests.run import patience
from tests.system.calls import Try, call, hammer
from tests.system.conftest import Site, Sites

CLIENTS = 4
ROUNDS = 15
REFUSALS = 25  # that each client collects in each round
MANY = {"TOKEN_RATE_LIMIT": "1000000/hour", "FAILED_AUTH_LIMIT": "1000000/hour"}


def race(pool: ProcessPoolExecutor, site: Site) -> tuple[float, list[Try]]:
    """Return the time of a revocation's commit, and all tries of the clients around that time."""
    value = site.console.issue()
    port = site.server.port
    hammering = [pool.submit(hammer, port, value, REFUSALS, most=2000) for _ in range(CLIENTS)]
    for _ in range(20):
        assert call(port, value).status == 200
    token = f"Token.objects.get(identifier={value[:24]!r})"
    revoked, committed = site.console.evaluate(f"({token}.revoke(), time.monotonic())")
    assert revoked
    return committed, [one for tries in hammering for one in tries.result(timeout=patience(20))]


@pytest.mark.long
@pytest.mark.parametrize(
    "on",
    [{"postgresql": True, "redis": True, "WEB_WORKERS": "4"}, {"WEB_THREADS": "8"}],
    ids=["PostgreSQL, 4 processes", "SQLite, 8 threads"],
)
def test_nothing_is_let_in_after_the_commit(sites: Sites, on: dict[str, Any]) -> None:
    site = sites(**on, **MANY)
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    with ProcessPoolExecutor(CLIENTS, mp_context=get_context("spawn")) as pool:
        for _ in range(ROUNDS):
            committed, tries = race(pool, site)
            for one in tries:
                (after if one.began > committed else before)[one.result] += 1
    assert set(after) == {"revoked_token"}
    assert after.total() >= 1000
    assert before["200"]  # the clients were calling when it happened
    assert set(before) <= {"200", "revoked_token"}
