"""Insert many rows at once with SQL, because the ORM takes five times as long.

The thread that writes usage calls this for the rows about each request. Values can be numbers,
texts, dates and times.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import connection, models

from tokens.core.text import SecondTexts

# Rows in one statement. There is a limit, because the database stops statements that take long.
ROWS_PER_STATEMENT = 1000


def column_names(model: Any, names: Iterable[str]) -> list[str]:
    """Return the names of the database columns of the fields `names` of `model`."""
    return [model._meta.get_field(name).column for name in names]


def insert_rows(
    model: Any,
    names: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
    on_conflict: str = "",
    parameters: Sequence[Any] = (),
) -> None:
    """Insert `rows` into the table of `model`. Each row has the values of the fields `names`.

    `on_conflict` is an SQL clause for rows that exist already, or "". `parameters` are the
    values for the placeholders in this clause.
    """
    table, columns = model._meta.db_table, column_names(model, names)
    into = f"INSERT INTO {table} ({', '.join(columns)})"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # NOTE: psycopg takes long for many single values, so all rows are sent as one JSON
            # text. PostgreSQL converts the values to the types of the columns.
            statement = (
                f"{into} SELECT {', '.join(columns)}"
                f" FROM json_populate_recordset(NULL::{table}, %s::json){on_conflict}"
            )
            found = [dict(zip(columns, row, strict=True)) for row in rows]
            for start in range(0, len(found), ROWS_PER_STATEMENT):
                text = json.dumps(found[start : start + ROWS_PER_STATEMENT], default=str)
                cursor.execute(statement, [text, *parameters])
        else:
            statement = f"{into} VALUES ({', '.join(['%s'] * len(names))}){on_conflict}"
            adapted = adapt_rows(model, names, rows)
            cursor.executemany(statement, [[*row, *parameters] for row in adapted])


def adapt_rows(
    model: Any, names: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> Iterator[list[Any]]:
    """Yield each row with its dates and times as text, because SQLite stores them as text."""
    fields = [model._meta.get_field(name) for name in names]
    times = [place for place, each in enumerate(fields) if isinstance(each, models.DateTimeField)]
    dates = [
        place
        for place, each in enumerate(fields)
        if isinstance(each, models.DateField) and place not in times
    ]
    seconds = SecondTexts(lambda at: str(connection.ops.adapt_datetimefield_value(at)))
    for row in rows:
        values = list(row)
        for place in times:
            at = values[place]
            fraction = f".{at.microsecond:06}" if at.microsecond else ""
            values[place] = seconds.second(at) + fraction
        for place in dates:
            values[place] = connection.ops.adapt_datefield_value(values[place])
        yield values
