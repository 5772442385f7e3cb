"""What a database contains: the number of rows in each table, and the applied migrations."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from django.db import connection
from django.db.migrations.loader import MigrationLoader

# Tables with the data of users, and the name of one row. A new installation has no rows in them.
DATA = {"accounts_user": "account", "tokens_token": "token", "tokens_event": "event"}


class Content(NamedTuple):
    """What a database contains: the number of rows in each table, and the applied migrations."""

    rows: dict[str, int]  # by table
    migrations: list[str]

    @property
    def has_data(self) -> bool:
        """Return True if the database has accounts, tokens or events."""
        return any(self.rows.get(table) for table in DATA)


def rows_in_words(rows: dict[str, int]) -> str:
    """Return the numbers of rows as text, such as "2 accounts, 1 token, 0 events"."""
    counts = ((rows.get(table, 0), name) for table, name in DATA.items())
    return ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts)


def content_of(query: Callable[[str], Iterable[Any]], tables: Iterable[str]) -> Content:
    """Return the number of rows in each of `tables`, and the applied migrations.

    `query` runs an SQL statement and returns its rows.
    """
    count = 'SELECT count(*) FROM "{}"'.format
    rows = {table: next(iter(query(count(table))))[0] for table in sorted(tables)}
    applied = (
        query("SELECT app, name FROM django_migrations") if "django_migrations" in rows else []
    )
    return Content(rows, sorted(f"{app}.{name}" for app, name in applied))


def current_content() -> Content:
    """Return the content of the database that Django is connected to."""
    with connection.cursor() as cursor:

        def query(statement: str) -> list[Any]:
            cursor.execute(statement)
            return list(cursor.fetchall())

        return content_of(query, connection.introspection.table_names(cursor))


def unknown_migrations(migrations: Iterable[str]) -> list[str]:
    """Return those of `migrations` that this version of Tokenry does not have, as "app.name"."""
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    return sorted(set(migrations) - known)
