"""Fetch a row with the database's driver, without the ORM, because that is faster.

Each thread uses its own connection to the default database. The statement is prepared (parsed and
planned) once for each connection. Python's module for SQLite does this by itself. psycopg, the
driver for PostgreSQL, does this for a cursor that asks for it, and it is twice as fast if the
cursor is kept. With DISABLE_PREPARED_STATEMENTS in the database's settings, which some connection
poolers need, PostgreSQL parses the statement each time.
"""

import sys
from collections.abc import Sequence
from functools import cache, partial
from typing import Any
from weakref import WeakKeyDictionary, finalize

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

DATABASE_WAIT_SECONDS = 1.0  # for PostgreSQL

psycopg_cursors: WeakKeyDictionary[BaseDatabaseWrapper, Any] = WeakKeyDictionary()
# For each of Django's connections to SQLite: the second connection on which decisions read (the
# reader), the driver's connection at the time when the reader was made, and a function that
# closes the reader.
sqlite_readers: WeakKeyDictionary[BaseDatabaseWrapper, tuple[BaseDatabaseWrapper, Any, Any]] = (
    WeakKeyDictionary()
)


# NOTE: SQLite shows to a connection the data from the time when its oldest unfinished query began.
# A view may keep an unfinished `.iterator()`. Then later requests of this thread would see old
# data, and accept tokens that were revoked meanwhile. So a second connection reads tokens.
def reader_of(database: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """Return the connection with which to read tokens.

    For SQLite this is a second connection to the same file, which always sees the newest data.
    Otherwise, within a transaction, and for a database in memory, this is `database` itself.
    """
    if database.vendor != "sqlite" or database.in_atomic_block:
        return database
    database.ensure_connection()
    reader, opened_with, close = sqlite_readers.get(database, (database, None, None))
    if opened_with is not database.connection:
        if close:
            close()
        reader, close = database, None
        if not database.is_in_memory_db():  # type: ignore[attr-defined]  # only SQLite's has it
            reader = database.copy()
            # Tests and tools that watch the queries of `database` also see those of the reader.
            reader.queries_log = database.queries_log
            reader.execute_wrappers = database.execute_wrappers
            reader.inc_thread_sharing()  # any thread may close it
            close = finalize(database, reader.close)
        sqlite_readers[database] = reader, database.connection, close
    reader.force_debug_cursor = database.force_debug_cursor
    return reader


def fetch_row(database: BaseDatabaseWrapper, sql: str, argument: str) -> Sequence[Any] | None:
    """Run `sql`, and return the first row, or None if there is no row.

    `argument` replaces the only placeholder `%s` in `sql`. The row has the values that the
    database's driver returns. Raise django.db.Error if the query fails.
    """
    database = reader_of(database)
    database.ensure_connection()  # raises django.db.Error; connect() would raise the driver's
    # Only Django's cursor logs queries and calls the execute wrappers.
    if database.queries_logged or database.execute_wrappers:
        return fetch_with_django(database, sql, argument)
    if database.vendor == "postgresql":
        return fetch_with_psycopg(database, sql, argument)
    if database.vendor == "sqlite":
        with database.wrap_database_errors:
            found = database.connection.execute(sqlite_sql(sql), [argument])
            row: Sequence[Any] | None = found.fetchone()
            return row
    return fetch_with_django(database, sql, argument)


def fetch_with_django(
    database: BaseDatabaseWrapper, sql: str, argument: str
) -> Sequence[Any] | None:
    """Run `sql` with Django's cursor, and return the first row, or None if there is no row."""
    with database.cursor() as cursor:
        cursor.execute(sql, [argument])
        row: Sequence[Any] | None = cursor.fetchone()
        return row


@cache
def sqlite_sql(sql: str) -> str:
    """Return `sql` with `?`, the placeholder of SQLite, in place of Django's `%s`.

    The result is cached. SQLite's module uses the string as the key of the prepared statement, and
    Python computes the hash of the same string object only once.
    """
    return sql.replace("%s", "?")


# NOTE: After an error, a second attempt uses a new connection and Django's cursor. It helps if the
# server has closed the old connection, or if the table has changed and no longer fits the prepared
# statement, which psycopg would use for ever. There is no second attempt after a timeout: the
# server is frozen, and the request would wait twice as long.
def fetch_with_psycopg(database: Any, sql: str, argument: str) -> Sequence[Any] | None:
    """Run `sql` on PostgreSQL, and return the first row, or None if there is no row.

    Use the psycopg cursor that is kept for this connection, and wait up to DATABASE_WAIT_SECONDS.
    Raise django.db.Error if the query fails twice or takes too long.
    """
    connection = database.connection
    cursor = psycopg_cursors.get(database)
    if cursor is None or cursor.connection is not connection:
        from psycopg import Cursor

        cursor = psycopg_cursors[database] = Cursor(connection)
    prepare = not database.settings_dict.get("DISABLE_PREPARED_STATEMENTS")
    # A frozen server can't end the query by its own time-outs, so psycopg itself stops waiting.
    before = vars(connection).get("wait")  # a limit that other code set for all statements
    connection.wait = partial(connection.wait, timeout=DATABASE_WAIT_SECONDS)
    # Django switches prepared statements off. They are on for this statement only. Otherwise
    # psycopg would keep the texts of all statements in memory, and these texts contain values.
    threshold, connection.prepare_threshold = connection.prepare_threshold, sys.maxsize
    try:
        row: Sequence[Any] | None = cursor.execute(sql, [argument], prepare=prepare).fetchone()
    except database.Database.Error:
        is_running = connection.info.transaction_status.name == "ACTIVE"
        database.close()
    else:
        return row
    finally:
        connection.prepare_threshold = threshold
        del connection.wait
        if before is not None:
            connection.wait = before
    if is_running:
        raise OperationalError(f"PostgreSQL did not answer in {DATABASE_WAIT_SECONDS} seconds.")
    return fetch_with_django(database, sql, argument)


def is_out_of_transaction(database: Any) -> bool:
    """Return True if `database` is PostgreSQL, and no transaction is open on the connection.

    Then a row that was just read is committed, and is not older than the query.
    """
    return bool(
        database.vendor == "postgresql"
        and database.connection is not None
        and database.connection.info.transaction_status.name == "IDLE"
    )
