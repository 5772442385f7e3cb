"""One row of PostgreSQL by one prepared statement, whatever becomes of the connection. A server of the tests' own."""

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.db import Error, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.base import DatabaseWrapper

from tests.run import patience, within
from tests.services import PostgreSQL
from tokens.prepared import awaited, fetch_row

pytestmark = pytest.mark.django_db  # else pytest-django lets nobody connect
SQL = "SELECT %s::text, pg_backend_pid()"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    server = PostgreSQL()
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def database(server: PostgreSQL) -> Iterator[BaseDatabaseWrapper]:
    """A new connection of Django's."""
    where = {"NAME": "postgres", "USER": "postgres", "HOST": "127.0.0.1", "PORT": server.port}
    database = DatabaseWrapper(
        {**connections["default"].settings_dict, **where, "OPTIONS": {"connect_timeout": round(patience(2))}}
    )
    database.inc_thread_sharing()
    yield database
    database.close()


def row(database: BaseDatabaseWrapper, argument: str = "a") -> tuple[Any, ...]:
    found = fetch_row(database, SQL, argument)
    assert found is not None
    return tuple(found)


def executions(database: BaseDatabaseWrapper) -> int:
    """How often this connection ran the prepared statement."""
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT sum(generic_plans + custom_plans) FROM pg_prepared_statements WHERE name LIKE 'tokenry_%'"
        )
        return int(cursor.fetchone()[0] or 0)


def test_it_is_prepared_once_and_run_each_time(database: BaseDatabaseWrapper) -> None:
    assert [row(database, argument)[0] for argument in ("a", "b", "it's %s $1")] == ["a", "b", "it's %s $1"]
    assert executions(database) == 3


def test_types_are_the_drivers_own(database: BaseDatabaseWrapper) -> None:
    sql = "SELECT %s::int, true, NULL, '2026-11-22 12:00:00.5+02'::timestamptz, 'ä'::varchar, '2001:db8::1/64'::inet"
    found = fetch_row(database, sql, "7")
    with database.cursor() as cursor:
        cursor.execute(sql, ["7"])
        assert found == cursor.fetchone()
    assert found is not None
    assert found[3] == datetime(2026, 11, 22, 10, 0, 0, 500_000, tzinfo=UTC)


def test_no_row_is_none(database: BaseDatabaseWrapper) -> None:
    assert fetch_row(database, "SELECT 1 WHERE %s = 'b'", "a") is None


def test_a_backend_that_was_ended_while_idle_is_no_failure(server: PostgreSQL, database: BaseDatabaseWrapper) -> None:
    _, ended = row(database)
    with psycopg.connect(server.url, autocommit=True) as other:
        assert other.execute("SELECT pg_terminate_backend(%s, 5000)", [ended]).fetchone() == (True,)
    argument, pid = row(database, "b")
    assert argument == "b"
    assert pid != ended
    before = executions(database)
    row(database)
    assert executions(database) == before + 1  # prepared again, on the new connection


def test_a_statement_that_is_gone_is_run_the_ordinary_way(database: BaseDatabaseWrapper) -> None:
    row(database)
    with database.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    assert row(database, "b")[0] == "b"
    assert executions(database) == 0


def test_wrong_sql_is_djangos_error(database: BaseDatabaseWrapper) -> None:
    with pytest.raises(Error, match="nothing"):
        fetch_row(database, "SELECT nothing WHERE %s = ''", "a")


def test_a_server_that_is_gone_is_djangos_error(server: PostgreSQL, database: BaseDatabaseWrapper) -> None:
    server.kill()
    try:
        with pytest.raises(OperationalError):
            row(database)
    finally:
        server.start()
    assert row(database, "b")[0] == "b"


@pytest.mark.parametrize("when", ["before it was prepared", "after"])
def test_the_wait_for_a_frozen_server_ends(server: PostgreSQL, database: BaseDatabaseWrapper, when: str) -> None:
    database.connect()
    if when == "after":
        row(database)
    server.freeze()
    began = time.monotonic()
    try:
        with pytest.raises(OperationalError, match="did not answer"):
            row(database)
        assert time.monotonic() - began < within(1)
    finally:
        server.thaw()
    assert row(database, "b")[0] == "b"


class Ended:
    """libpq's connection, which the server ended; the network failed with it, so that nobody tells of its end."""

    def __init__(self, ours: socket.socket) -> None:
        self._ours = ours
        self.socket = ours.fileno()
        self._results: list[str] = []

    def flush(self) -> None:
        pass

    def consume_input(self) -> None:
        self._ours.recv(1)
        self._results.append("terminating connection")

    def is_busy(self) -> bool:
        return not self._results

    def get_result(self) -> str:
        assert not self.is_busy(), "libpq would wait here without an end, and stop all threads"
        return self._results.pop()


def test_the_wait_for_the_end_of_a_connection_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokens.prepared.WAIT_SECONDS", 0.01)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(b"!")
        with pytest.raises(TimeoutError):
            awaited(Ended(ours))
