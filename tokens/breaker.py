"""After a failure of the database or of Redis, refuse at once for a moment instead of having every request wait."""

import time
from types import TracebackType

PAUSE_SECONDS = 1.0


class Down(Exception):
    """What was asked did not answer, just now or a moment ago."""


class Breaker:
    """`with breaker:` turns failures of one service into Down, and straight after one raises it without a try.

    The first request after the pause tries again, so all recovers by itself.
    """

    def __init__(self, *failures: type[Exception]) -> None:
        self._failures = failures
        self._open_until = 0.0

    def __enter__(self) -> None:
        if self._open_until and time.monotonic() < self._open_until:
            raise Down

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, self._failures):
            self._open_until = time.monotonic() + PAUSE_SECONDS
            raise Down from error
