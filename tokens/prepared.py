"""One row by one statement with one placeholder, prepared once for each connection that Django keeps open.

SQLite's own module prepares by itself. On PostgreSQL this speaks libpq, whose round trip costs a quarter of a
cursor's, and which lets a client stop waiting for a server that fell silent.
"""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from select import POLLIN, poll
from typing import Any
from weakref import WeakSet

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

WAIT_SECONDS = 1.0  # for PostgreSQL

prepared_on: WeakSet[Any] = WeakSet()


def fetch_row(database: BaseDatabaseWrapper, sql: str, argument: str) -> Sequence[Any] | None:
    """The first row, its columns as the database's driver gives them, or None. Raises django.db.Error.

    `sql` has Django's placeholder, `%s`.
    """
    database.ensure_connection()  # whose failure, unlike connect()'s, is Django's
    observed = database.queries_logged or database.execute_wrappers  # then each query goes the ordinary way
    if database.vendor == "sqlite" and not observed:
        with database.wrap_database_errors:
            row: Sequence[Any] | None = database.connection.execute(native(sql, "?"), [argument]).fetchone()
            return row
    if database.vendor == "postgresql" and not observed:
        result = libpq_result(database, native(sql, "$1").encode(), argument.encode())
        if result is not None:
            return first_row(database, result)
    with database.cursor() as cursor:
        cursor.execute(sql, [argument])
        ordinary: Sequence[Any] | None = cursor.fetchone()
        return ordinary


@cache
def native(sql: str, placeholder: str) -> str:
    """`sql` as the driver itself reads it; one string for ever, because drivers find statements again by its hash."""
    return sql.replace("%s", placeholder)


def libpq_result(database: BaseDatabaseWrapper, sql: bytes, argument: bytes) -> Any:
    """libpq's result, or None where it failed: the ordinary way then works, on a new connection, or says why not."""
    from psycopg import Error, pq

    connection = database.connection.pgconn
    name = name_of(sql)
    result = None
    try:
        if database.connection not in prepared_on:
            connection.send_prepare(name, sql)
            awaited(connection)  # also fine: a pooler's connection on which it is prepared already
            prepared_on.add(database.connection)
        connection.send_query_prepared(name, [argument])
        result = awaited(connection)
    except TimeoutError:
        database.close()
        raise OperationalError(f"PostgreSQL did not answer in {WAIT_SECONDS} seconds.") from None
    except Error:
        pass
    if result is not None and result.status == pq.ExecStatus.TUPLES_OK:
        return result
    prepared_on.discard(database.connection)
    if connection.status != pq.ConnStatus.OK:  # the server ended it
        database.close()
    return None


@cache
def name_of(sql: bytes) -> bytes:
    """A name for this very statement: a pooler may keep those of other releases, which must not be taken for it."""
    return b"tokenry_" + sha256(sql).hexdigest()[:16].encode()


def awaited(connection: Any) -> Any:
    """Return the last result of the query that was sent. Raises TimeoutError when it is not here in time.

    libpq waits without an end, and holds Python's lock meanwhile, where a result is asked for that is not here. A
    server that ends a connection sends a result, and nothing after it.
    """
    connection.flush()
    poller = poll()
    poller.register(connection.socket, POLLIN)
    result = None
    while True:
        while connection.is_busy():
            if not poller.poll(WAIT_SECONDS * 1000):
                raise TimeoutError
            connection.consume_input()
        latest = connection.get_result()
        if latest is None:  # there is no other
            return result
        result = latest


def first_row(database: BaseDatabaseWrapper, result: Any) -> Sequence[Any] | None:
    """Its columns in Python's types, by the connection's own loaders."""
    from psycopg.adapt import Transformer

    if not result.ntuples:
        return None
    with database.wrap_database_errors:
        transformer = Transformer(database.connection)
        transformer.set_pgresult(result)
        row: Sequence[Any] | None = transformer.load_row(0, tuple)
        return row
