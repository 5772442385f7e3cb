"""Fail-over behind one address: no standby admits a revoked token, no server needs a restart."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.run import until
from tests.server import Installation
from tests.services import PostgreSQL, Redis, Standby
from tests.system.calls import call
from tests.system.conftest import Site
from tests.system.console import Console
from tests.system.switch import Switch
from tests.system.test_outages import sign_in, visit

CALLS = 16  # more than there are threads
Enter = Callable[[Any], Any]


@pytest.fixture
def enter() -> Iterator[Enter]:
    """Start what a context manager starts; the end of the test stops it."""
    with ExitStack() as running:
        yield running.enter_context


def site(enter: Enter, folder: Path, database: PostgreSQL, **settings: str) -> Site:
    """Return a server with `settings`, and a console that always reaches `database`."""
    installation = enter(closing(Installation(folder, database.url)))
    installation.settings |= settings
    server = installation.server()
    server.environment |= settings
    return Site(server.start(), Console(installation), installation, None, database)


def can_sign_in(site: Site) -> None:
    """Fail unless somebody can sign in."""
    visitor = visit(site, "/accounts/login/", {}).cookies
    assert sign_in(site, visitor).status == 302


def has_arrived(standby: PostgreSQL, value: str) -> None:
    """Fail unless `standby` knows the token."""
    with psycopg.connect(standby.url) as connection:
        found = connection.execute(
            "SELECT count(*) FROM tokens_token WHERE identifier = %s", [value[:24]]
        )
        assert found.fetchone() == (1,)


def end_connections(database: PostgreSQL) -> None:
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )


def test_a_standby_lets_nobody_in(enter: Enter, tmp_path: Path) -> None:
    primary = enter(closing(PostgreSQL())).start()
    standby = enter(closing(Standby(primary))).start()
    switch = enter(closing(Switch(primary.port)))
    url = f"postgres://postgres@127.0.0.1:{switch.port}/postgres"
    here = site(enter, tmp_path, primary, DATABASE_URL=url)
    value = here.console.issue()

    def codes() -> set[str]:
        return {
            (answer := call(here.server.port, value)).code or str(answer.status)
            for _ in range(CALLS)
        }

    assert codes() == {"200"}
    until(lambda: has_arrived(standby, value), AssertionError, psycopg.Error)

    # The primary ends its connections. The address now leads to the standby, which has the token
    # and lags behind.
    with psycopg.connect(standby.url, autocommit=True) as connection:
        connection.execute("SELECT pg_wal_replay_pause()")
    switch.target = standby.port
    end_connections(primary)
    assert codes() == {"unavailable"}

    switch.target = primary.port
    assert here.console.change(value, "revoke()")

    def is_revoked() -> None:
        assert codes() == {"revoked_token"}

    met = set()
    while "revoked_token" not in met:
        met |= codes()
    assert met <= {"unavailable", "revoked_token"}
    until(is_revoked, AssertionError)
    until(lambda: can_sign_in(here), AssertionError)


def test_a_database_that_takes_no_more_writes(enter: Enter, tmp_path: Path) -> None:
    """Act as hosted databases with a full disk: open connections report errors and are closed."""
    primary = enter(closing(PostgreSQL())).start()
    here = site(enter, tmp_path, primary)
    value = here.console.issue()
    assert call(here.server.port, value).status == 200
    visitor = visit(here, "/accounts/login/", {}).cookies

    def set_read_only(state: str) -> None:
        with psycopg.connect(primary.url, autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {state}")
            connection.execute("SELECT pg_reload_conf()")

        def is_said() -> None:
            with psycopg.connect(primary.url) as connection:
                assert connection.execute("SHOW default_transaction_read_only").fetchone() == (
                    state,
                )

        until(is_said, AssertionError)

    set_read_only("on")
    page = sign_in(here, visitor)
    assert (page.status, page.retry_after) == (503, "5")
    answer = call(here.server.port, value, "/api/v1/token", method="DELETE")
    assert (answer.status, answer.code) == (503, "unavailable")
    set_read_only("off")
    until(lambda: can_sign_in(here), AssertionError)
    assert call(here.server.port, value).status == 200


def test_a_redis_that_became_a_replica_is_left(enter: Enter, tmp_path: Path) -> None:
    """Connections to the demoted Redis stay open, as they do behind a balancer's address."""
    database = enter(closing(PostgreSQL())).start()
    first, second = (enter(closing(Redis())).start() for _ in range(2))
    second.client.replicaof("127.0.0.1", str(first.port))
    switch = enter(closing(Switch(first.port)))
    here = site(enter, tmp_path, database, REDIS_URL=f"redis://127.0.0.1:{switch.port}/0")
    value = here.console.issue()
    until(lambda: can_sign_in(here), AssertionError)
    assert call(here.server.port, value).status in {200, 503}

    second.client.replicaof("NO", "ONE")
    switch.target = second.port
    first.client.replicaof("127.0.0.1", str(second.port))

    def works() -> None:
        """In all threads; a busy machine may exceed the short wait for Redis now and then."""
        assert {call(here.server.port, value).status for _ in range(CALLS)} == {200}
        can_sign_in(here)

    until(works, AssertionError)
