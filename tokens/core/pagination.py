"""Cursors: texts for URLs that name a row in a list ordered by time, newest first."""

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
PATTERN = "^[0-9]{1,17}-[0-9]{1,18}$"


def encode_cursor(at: datetime, pk: int) -> str:
    """Return a text for URLs that names the row with the time `at` and the key `pk`."""
    return f"{(at - EPOCH) // MICROSECOND}-{pk}"


def decode_cursor(cursor: str) -> tuple[datetime, int] | None:
    """Return the time and the primary key in a cursor; None for a text of another form."""
    if not re.fullmatch(PATTERN, cursor):
        return None
    microseconds, pk = map(int, cursor.split("-"))
    return EPOCH + microseconds * MICROSECOND, pk
