"""Checks that PostgreSQL, or PgBouncer, has the connections and time-outs that a node needs."""

from collections.abc import Iterator

from django.db.backends.base.base import BaseDatabaseWrapper

SHARED = 4  # if fewer connections are free, a new connection is closed after its request
TIME_OUTS = {"statement_timeout": "1500ms", "lock_timeout": "1s"}  # for requests
# The longest time-out that an administrator may set. Tokenry itself gives up after this time.
MAX_MILLISECONDS = 2000

LIMIT = """
    current_setting('max_connections')::int
    - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true)::int, 0)
"""  # reserved_connections came with PostgreSQL 16
# Sessions with a database are those of clients. Other columns of other roles' sessions are hidden.
USED = "(SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL)"
FREE = f"SELECT {LIMIT} - {USED}"


def shortcomings(database: BaseDatabaseWrapper, connections: int) -> Iterator[str]:
    """Yield a line for each thing that `database` lacks for a node with so many `connections`.

    Raise django.db.Error if the database does not answer.
    """
    mode = database.settings_dict.get("PGBOUNCER")
    if mode == "transaction":
        yield from missing_time_outs(database)
    elif not mode:
        yield from missing_connections(database, connections)


def missing_connections(database: BaseDatabaseWrapper, wanted: int) -> Iterator[str]:
    """Yield a line if the server allows fewer connections than this node needs (`wanted`)."""
    with database.cursor() as cursor:
        cursor.execute(f"SELECT {LIMIT}")
        (limit,) = cursor.fetchone()
    if limit < wanted:
        yield (
            f"PostgreSQL takes {limit} connections from everybody together (max_connections less "
            f"the reserved ones), and this node alone may open {wanted}: raise max_connections, "
            "lower WEB_WORKERS or WEB_THREADS, or put PgBouncer in between. docs/scaling.md has "
            "the arithmetic."
        )


def missing_time_outs(database: BaseDatabaseWrapper) -> Iterator[str]:
    """Yield a line if PostgreSQL does not end this role's slow statements by itself.

    In PgBouncer's mode `transaction`, Tokenry can't set these time-outs. The server starts all the
    same, because Tokenry gives up waiting. But then the statement goes on in PostgreSQL, and
    occupies a connection that other clients need.
    """
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT name, setting::int, current_user FROM pg_settings WHERE name = ANY(%s) "
            "ORDER BY name DESC",
            [list(TIME_OUTS)],
        )
        wrong = [
            (name, role)
            for name, setting, role in cursor.fetchall()
            if not 0 < setting <= MAX_MILLISECONDS
        ]
    if wrong:
        commands = " ".join(
            f"ALTER ROLE \"{role}\" SET {name} = '{TIME_OUTS[name]}';" for name, role in wrong
        )
        yield (
            "PostgreSQL does not end statements of this server that take longer than "
            f"{MAX_MILLISECONDS // 1000} seconds, and behind PgBouncer the server can't set this "
            f"itself: run {commands} Then have PgBouncer RECONNECT."
        )
