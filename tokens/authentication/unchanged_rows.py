"""On SQLite, a thread uses tokens' rows that it has read again, until the database changes.

NOTE: `PRAGMA data_version` returns another number after another connection has committed a change
(https://sqlite.org/pragma.html#pragma_data_version). It takes much less time than the query.
Tokens are read on a connection that never writes (fetch.py), so all changes are made by other
connections. Therefore an old row is used only while a query would return the same row, and a
revocation holds as soon as it is committed.
"""

from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from django.db.backends.base.base import BaseDatabaseWrapper

from tokens.authentication.fetch import reader_of

MAX_UNCHANGED_ROWS = 200  # of each thread


class Version(NamedTuple):
    """A version of the database file, to see whether the file has changed since.

    `number` is the result of `PRAGMA data_version`. Only numbers of the same driver's connection
    can be compared, so the connection is stored too.
    """

    connection: Any
    number: int


# For each connection that reads tokens: the last known version of the file, and the rows that were
# read since then, by the token's identifier.
rows_by_reader: WeakKeyDictionary[BaseDatabaseWrapper, tuple[Version, dict[str, Any]]] = (
    WeakKeyDictionary()
)


def unchanged_rows(database: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return the rows of tokens that this thread has read since the database last changed.

    The keys are the tokens' identifiers. The caller adds the rows that it reads itself. Return an
    empty dictionary if this is not SQLite, or if tokens are read on the connection that writes.
    Raise django.db.Error if the database can't be read.
    """
    reader = reader_of(database)
    if reader is database:
        return {}
    reader.ensure_connection()
    with reader.wrap_database_errors:
        (number,) = reader.connection.execute("PRAGMA data_version").fetchone()
    kept = rows_by_reader.get(reader)
    # A new connection has numbers of its own, even if the file did not change.
    if kept is None or kept[0].number != number or kept[0].connection is not reader.connection:
        kept = rows_by_reader[reader] = Version(reader.connection, number), {}
    return kept[1]
