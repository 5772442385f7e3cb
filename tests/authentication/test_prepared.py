"""The prepared statement on PostgreSQL, also after the connection or the server breaks.

The tests start a PostgreSQL server of their own.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import Error, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.base import DatabaseWrapper

from tests.run import patience, within
from tests.services import PostgreSQL
from tokens.authentication.fetch import fetch_row

pytestmark = pytest.mark.django_db  # pytest-django blocks connections otherwise
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
    """Yield a new connection of Django."""
    where = {"NAME": "postgres", "USER": "postgres", "HOST": "127.0.0.1", "PORT": server.port}
    database = DatabaseWrapper(
        {
            **connections["default"].settings_dict,
            **where,
            "OPTIONS": {"connect_timeout": round(patience(2))},
        }
    )
    database.inc_thread_sharing()
    yield database
    database.close()


def row(database: BaseDatabaseWrapper, argument: str = "a") -> tuple[Any, ...]:
    found = fetch_row(database, SQL, argument)
    assert found is not None
    return tuple(found)


@contextmanager
def transaction_of(database: BaseDatabaseWrapper) -> Iterator[None]:
    """Roll back what the block did on this connection, if the block raises."""
    database.set_autocommit(False)
    try:
        yield
    finally:
        database.rollback()
        database.set_autocommit(True)


def executions(database: BaseDatabaseWrapper) -> int:
    """Return how often this connection ran the prepared statement."""
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT sum(generic_plans + custom_plans) FROM pg_prepared_statements "
            "WHERE name LIKE '_pg3_%'"
        )
        return int(cursor.fetchone()[0] or 0)


def test_it_is_prepared_once_and_run_each_time(database: BaseDatabaseWrapper) -> None:
    assert [row(database, argument)[0] for argument in ("a", "b", "it's %s $1")] == [
        "a",
        "b",
        "it's %s $1",
    ]
    assert executions(database) == 3


def test_types_are_the_drivers_own(database: BaseDatabaseWrapper) -> None:
    sql = (
        "SELECT %s::int, true, NULL, '2026-11-22 12:00:00.5+02'::timestamptz, "
        "'ä'::varchar, '2001:db8::1/64'::inet"
    )
    found = fetch_row(database, sql, "7")
    with database.cursor() as cursor:
        cursor.execute(sql, ["7"])
        assert found == cursor.fetchone()
    assert found is not None
    assert found[3] == datetime(2026, 11, 22, 10, 0, 0, 500_000, tzinfo=UTC)


def test_no_row_is_none(database: BaseDatabaseWrapper) -> None:
    assert fetch_row(database, "SELECT 1 WHERE %s = 'b'", "a") is None


def test_a_backend_that_was_ended_while_idle_is_no_failure(
    server: PostgreSQL, database: BaseDatabaseWrapper
) -> None:
    _, ended = row(database)
    with psycopg.connect(server.url, autocommit=True) as other:
        assert other.execute("SELECT pg_terminate_backend(%s, 5000)", [ended]).fetchone() == (
            True,
        )
    argument, pid = row(database, "b")
    assert argument == "b"
    assert pid != ended
    before = executions(database)
    row(database)
    assert executions(database) == before + 1  # prepared again, on the new connection


def test_a_statement_survives_a_rollback(database: BaseDatabaseWrapper) -> None:
    row(database)
    before = database.connection
    with pytest.raises(ZeroDivisionError), transaction_of(database):
        raise ZeroDivisionError
    assert row(database, "b")[0] == "b"
    assert database.connection is before
    assert executions(database) == 2


def test_psycopg_remembers_no_statement_of_djangos(database: BaseDatabaseWrapper) -> None:
    """It would keep their texts, with the values in them, to see which ones to prepare."""
    row(database)
    assert database.connection.prepare_threshold is None


def test_a_statement_that_vanished_costs_one_connection(database: BaseDatabaseWrapper) -> None:
    _, first = row(database)
    database.connection.pgconn.exec_(b"DEALLOCATE ALL")  # psycopg does not notice
    argument, second = row(database, "b")
    assert argument == "b"
    assert second != first
    row(database)
    assert executions(database) == 1


def test_a_column_of_another_type_costs_one_connection(
    server: PostgreSQL, database: BaseDatabaseWrapper
) -> None:
    sql = "SELECT number FROM numbers WHERE name = %s"
    with psycopg.connect(server.url, autocommit=True) as other:
        other.execute("CREATE TABLE numbers AS SELECT 'a'::text AS name, 1::int AS number")
        try:
            assert fetch_row(database, sql, "a") == (1,)
            other.execute("ALTER TABLE numbers ALTER COLUMN number TYPE text")
            assert fetch_row(database, sql, "a") == ("1",)
            before = database.connection
            for _ in range(3):
                assert fetch_row(database, sql, "a") == ("1",)
            assert executions(database) == 3
            assert database.connection is before
        finally:
            other.execute("DROP TABLE numbers")


def test_only_this_statement_is_prepared_and_bounded(database: BaseDatabaseWrapper) -> None:
    database.connect()
    bound = database.connection.wait = partial(database.connection.wait, timeout=60)
    row(database)
    assert database.connection.wait is bound
    del database.connection.wait
    row(database)
    assert "wait" not in vars(database.connection)
    with database.cursor() as cursor:
        for _ in range(10):
            cursor.execute("SELECT %s::int", [1])
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        assert cursor.fetchone() == (1,)


def test_wrong_sql_is_djangos_error(database: BaseDatabaseWrapper) -> None:
    with pytest.raises(Error, match="nothing"):
        fetch_row(database, "SELECT nothing WHERE %s = ''", "a")


def test_a_server_that_is_gone_is_djangos_error(
    server: PostgreSQL, database: BaseDatabaseWrapper
) -> None:
    server.kill()
    try:
        with pytest.raises(OperationalError):
            row(database)
    finally:
        server.start()
    assert row(database, "b")[0] == "b"


@pytest.mark.parametrize("when", ["before it was prepared", "after"])
def test_the_wait_for_a_frozen_server_ends(
    server: PostgreSQL, database: BaseDatabaseWrapper, when: str
) -> None:
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


# Behind a pooler that lends connections for one transaction


def test_nothing_is_prepared_where_the_settings_say_so(database: BaseDatabaseWrapper) -> None:
    database.settings_dict["DISABLE_PREPARED_STATEMENTS"] = True
    assert [row(database, argument)[0] for argument in ("a", "it's %s $1")] == ["a", "it's %s $1"]
    sql = "SELECT %s::int, true, '2026-11-22 12:00:00.5+02'::timestamptz"
    assert fetch_row(database, sql, "7") == (
        7,
        True,
        datetime(2026, 11, 22, 10, 0, 0, 500_000, tzinfo=UTC),
    )
    with database.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        assert cursor.fetchone() == (0,)


def test_without_preparing_the_wait_for_a_frozen_server_ends_too(
    server: PostgreSQL, database: BaseDatabaseWrapper
) -> None:
    database.settings_dict["DISABLE_PREPARED_STATEMENTS"] = True
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
