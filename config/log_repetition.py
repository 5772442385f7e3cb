"""Filters that let the same log line through only once a minute, for example in an outage."""

import logging
import math
import time

from config.error_pages import OUTAGES, first_line

QUIET_SECONDS = 60.0


class OutageFilter(logging.Filter):
    """Let an error of an outage through only once a minute, and without its traceback.

    While the database or Redis fails, each request for a page logs such an error. The message
    alone says enough.
    """

    def __init__(self) -> None:
        super().__init__()
        self._passed_at = -math.inf

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info and record.exc_info[1]
        if not isinstance(error, OUTAGES):
            return True
        now = time.monotonic()
        if now - self._passed_at < QUIET_SECONDS:
            return False
        self._passed_at = now
        record.args = (record.getMessage(), first_line(error))
        record.msg = "%s: %s (said once a minute)"
        record.exc_info = record.exc_text = None
        return True


class RepetitionFilter(logging.Filter):
    """Let each message of the logger `name`, and of loggers below it, through once a minute."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._passed_at: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not super().filter(record):
            return True
        key, now = (record.name, str(record.msg)), time.monotonic()
        if now - self._passed_at.get(key, -math.inf) < QUIET_SECONDS:
            return False
        self._passed_at[key] = now
        return True
