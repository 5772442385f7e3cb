"""Redis Sentinel names the master. When the master changes, no server needs a restart."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.run import until, within
from tests.server import Installation, free_port
from tests.services import PostgreSQL, Redis, Sentinel
from tests.system.calls import Answer, call
from tests.system.conftest import Site
from tests.system.console import Console
from tests.system.test_fail_over import can_sign_in
from tests.system.test_outages import API_SECONDS, check_kind, check_refused, sign_in, visit

pytestmark = pytest.mark.long
UNLEASED = "127/second"  # so small that each request asks Redis


class Cluster(NamedTuple):
    site: Site
    master: Redis
    replica: Redis
    sentinel: Sentinel


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Yield a server and the Redis that its Sentinel names. The first Sentinel address is dead."""
    with ExitStack() as running:
        database = running.enter_context(closing(PostgreSQL())).start()
        master, replica = (running.enter_context(closing(Redis())).start() for _ in range(2))
        replica.client.replicaof("127.0.0.1", str(master.port))
        sentinel = running.enter_context(closing(Sentinel(master))).start()
        nodes = f"127.0.0.1:{free_port()},127.0.0.1:{sentinel.port}"
        url = f"redis+sentinel://{nodes}/{sentinel.SERVICE}/2"
        settings = {"REDIS_URL": url, "WEB_WORKERS": "2"}
        installation = running.enter_context(
            closing(Installation(tmp_path, database.url, **settings))
        )
        site = Site(
            installation.server().start(), Console(installation), installation, master, database
        )
        yield Cluster(site, master, replica, sentinel)


def ask(site: Site, value: str, timeout: float | None = None) -> Answer:
    return call(site.server.port, value, timeout=timeout)


def check_exact(site: Site) -> None:
    """Fail unless all processes together admit a new token exactly as often as its limit says."""
    value = site.installation.issue(rate_limit="20/hour")
    with ThreadPoolExecutor(12) as pool:
        answers = Counter(pool.map(lambda _: call(site.server.port, value).status, range(60)))
    assert answers == {200: 20, 429: 40}


def test_a_fail_over(cluster: Cluster) -> None:
    site, master, replica, sentinel = cluster
    used_up, value = (site.installation.issue(rate_limit=limit) for limit in ("3/hour", UNLEASED))
    assert [ask(site, used_up).status for _ in range(4)] == [200, 200, 200, 429]
    visitor = visit(site, "/accounts/login/", {}).cookies
    can_sign_in(site)

    def replica_has_it_all() -> None:
        assert master.client.wait(1, 100) == 1

    until(replica_has_it_all, AssertionError)

    sentinel.freeze()
    assert replica.client.info("replication")["role"] == "slave"
    master.kill()
    for _ in range(12):
        check_refused(ask(site, value, within(API_SECONDS)))
    check_kind(sign_in(site, visitor))
    sentinel.thaw()

    def works() -> None:
        """In all processes and threads, meanwhile refused in time."""
        assert {ask(site, value).status for _ in range(32)} == {200}
        can_sign_in(site)

    until(works, AssertionError, seconds=20)
    assert replica.client.info("replication")["role"] == "master"
    assert ask(site, used_up).code == "rate_limited"
    check_exact(site)


def test_an_old_master_that_comes_back_counts_nothing(cluster: Cluster) -> None:
    """The old master was frozen and does not know of the new one. Connections to it are open."""
    site, master, replica, _ = cluster
    value = site.installation.issue(rate_limit=UNLEASED)

    def works() -> None:
        assert {ask(site, value).status for _ in range(32)} == {200}

    works()
    master.freeze()
    until(lambda: replica.client.set("probe", 1), Exception, seconds=20)
    until(works, AssertionError, seconds=20)
    master.thaw()
    check_exact(site)
