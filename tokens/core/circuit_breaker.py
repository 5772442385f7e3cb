"""A circuit breaker for the database and for Redis.

While a service does not answer, requests that need it fail at once and do not wait for it.
"""

import logging
import math
import time
from types import TracebackType
from weakref import WeakSet

log = logging.getLogger(__name__)

FAILURES_TO_OPEN = 3  # failures in a row, after which the breaker opens
OPEN_SECONDS = 1.0
TRIAL_SECONDS = 3.0  # for one attempt; longer than any wait for a service
ERROR_LOG_SECONDS = 60.0  # between two log lines about errors
# After so many seconds without a request, `is_open` is False: nobody has tried the service since.
IDLE_SECONDS = 60.0


class ServiceUnavailable(Exception):
    """The database or Redis did not answer, just now or a moment ago."""


class CircuitBreaker:
    """A context manager around each use of a service. Raises ServiceUnavailable on failure.

    After several failures the breaker is open: `with breaker:` raises at once, and the service
    is not tried.
    """

    # NOTE: The breaker opens after FAILURES_TO_OPEN failures in a row, but only if no thread had a
    # success for `wait` seconds. Both conditions are needed: a single lost connection says nothing
    # about the service, and a database with `max_connections` connections refuses new threads
    # while it answers the other threads.
    #
    # After a pause one request tries the service again, while the others still fail at once. So
    # the breaker notices that a service answers again, and at most one request at a time waits
    # for a service that does not answer.

    def __init__(
        self,
        error: type[Exception],
        outage: tuple[type[Exception], ...],
        wait: float,
        *,
        service: str,
    ) -> None:
        """Create a closed breaker, which lets all requests through.

        Errors of the type `error` become ServiceUnavailable, but only those of the types
        `outage` open the breaker. `wait` is the longest time, in seconds, that an attempt waits
        for the service. `service` is the name in the log and in the metrics.
        """
        self.service = service
        self._error = error
        self._outage = outage
        self._wait = wait
        self._unlogged = 0
        self._logged_at = -math.inf
        self.close()
        breakers.add(self)

    def close(self) -> None:
        """Close the breaker: let all requests through, and forget all failures."""
        self._failures = 0
        self._open_until = 0.0
        self._opened_at = 0.0
        self._answered_at = -math.inf

    @property
    def is_open(self) -> bool:
        """Return True from the opening until an attempt succeeds.

        After IDLE_SECONDS without a request, return False, because nobody has tried the service
        since.
        """
        return bool(self._open_until) and time.monotonic() - self._open_until < IDLE_SECONDS

    def __enter__(self) -> None:
        if self._open_until:
            now = time.monotonic()
            if now < self._open_until:
                raise ServiceUnavailable
            self._open_until = now + TRIAL_SECONDS

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        now = time.monotonic()
        if isinstance(error, self._error):
            self._log_error(error, now)
        if isinstance(error, self._outage):
            self._failures += 1
            if self._failures >= FAILURES_TO_OPEN and now - self._answered_at >= self._wait:
                self._open(now)
        else:
            self._failures, self._answered_at = 0, now
            if self._open_until:
                self._open_until = 0.0
                log.warning("%s answers again after %.0f s", self.service, now - self._opened_at)
        if isinstance(error, self._error):
            raise ServiceUnavailable from error

    def _open(self, now: float) -> None:
        """Open the breaker: fail all requests for OPEN_SECONDS."""
        if not self._open_until:
            self._opened_at = now
            log.warning(
                "%s is away: requests with a token get 503 at once; "
                "one request a second tests the service",
                self.service,
            )
        self._open_until = now + OPEN_SECONDS

    def _log_error(self, error: BaseException, now: float) -> None:
        """Log the error, and the number of errors since the last line.

        Write at most one line in ERROR_LOG_SECONDS, because a line for each error would hide all
        others.
        """
        self._unlogged += 1
        if now - self._logged_at < ERROR_LOG_SECONDS:
            return
        count, self._unlogged, self._logged_at = self._unlogged, 0, now
        name = type(error).__name__
        log.warning("%s failed, so a request gets 503 (%d since the last such line): %s: %s",
                    self.service, count, name, error)  # fmt: skip


breakers: WeakSet[CircuitBreaker] = WeakSet()  # all breakers of this process, for the metrics
