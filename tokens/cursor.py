"""A place in a list that is ordered by time, newest first, as text for addresses. Pure."""

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
PATTERN = "^[0-9]{1,17}-[0-9]{1,18}$"


def name_of(at: datetime, pk: int) -> str:
    """The place of the row with that time and key."""
    return f"{(at - EPOCH) // MICROSECOND}-{pk}"


def place(name: str) -> tuple[datetime, int] | None:
    """What `name_of` named; None for anything else."""
    if not re.fullmatch(PATTERN, name):
        return None
    microseconds, pk = map(int, name.split("-"))
    return EPOCH + microseconds * MICROSECOND, pk
