"""After a failure of the database or of Redis, refuse at once for a moment instead of having every request wait."""

import logging
import time
from types import TracebackType

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
TRIAL_SECONDS = 3.0  # longer than any wait for a service


class Down(Exception):
    """What was asked did not answer, just now or a moment ago."""


class Breaker:
    """`with breaker:` turns failures of one service into Down, and straight after one raises it without a try.

    After the pause one request tries again, while the others are still refused; so all recovers by itself, and no
    more than one waits.
    """

    def __init__(self, failure: type[Exception], outage: tuple[type[Exception], ...]) -> None:
        """Every `failure` becomes Down; only an `outage` says something about the next request."""
        self._failure = failure
        self._outage = outage
        self._open_until = 0.0

    def __enter__(self) -> None:
        if self._open_until:
            now = time.monotonic()
            if now < self._open_until:
                raise Down
            self._open_until = now + TRIAL_SECONDS

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open_until = time.monotonic() + PAUSE_SECONDS if isinstance(error, self._outage) else 0.0
        if isinstance(error, self._failure):
            log.warning("requests with a token answer 503: %s: %s", type(error).__name__, error)
            raise Down from error
