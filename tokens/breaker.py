"""A circuit breaker: while the database or Redis is away, refuse at once instead of having every request wait."""

import logging
import math
import time
from types import TracebackType

log = logging.getLogger(__name__)

FAILURES = 3  # in a row
PAUSE_SECONDS = 1.0
TRIAL_SECONDS = 3.0  # longer than any wait for a service


class Down(Exception):
    """What was asked did not answer, just now or a moment ago."""


class Breaker:
    """`with breaker:` turns failures of one service into Down, and raises Down without a try while it is open.

    The breaker opens after FAILURES failures in a row if no try of any thread has succeeded for `wait` seconds. Both
    conditions are needed: a single lost connection says nothing about the service, and a database at its
    `max_connections` refuses the threads that have no connection while it answers the others.

    After a pause one request tries again, while the others are still refused. So a service that is back is found
    without help, and no more than one request waits for a service that is still away.
    """

    def __init__(self, failure: type[Exception], outage: tuple[type[Exception], ...], wait: float) -> None:
        """Every `failure` becomes Down, but only an `outage` opens the breaker.

        `wait` is how many seconds a try waits for the service at most.
        """
        self._failure = failure
        self._outage = outage
        self._wait = wait
        self.close()

    def close(self) -> None:
        """Let requests through, and forget what failed."""
        self._failures = 0
        self._open_until = 0.0
        self._answered = -math.inf

    def __enter__(self) -> None:
        if self._open_until:
            now = time.monotonic()
            if now < self._open_until:
                raise Down
            self._open_until = now + TRIAL_SECONDS

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        now = time.monotonic()
        if isinstance(error, self._outage):
            self._failures += 1
            if self._failures >= FAILURES and now - self._answered >= self._wait:
                self._open_until = now + PAUSE_SECONDS
        else:
            self._failures, self._open_until, self._answered = 0, 0.0, now
        if isinstance(error, self._failure):
            log.warning("requests with a token answer 503: %s: %s", type(error).__name__, error)
            raise Down from error
