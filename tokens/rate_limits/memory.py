"""Counts for rate limits in the memory of one process, for an installation without Redis."""

import math
import threading
import time
from collections.abc import Callable

from tokens.rate_limits.limits import HitResult, Window, WindowCount, counts_at, peek_result

SWEEP_AT = 1024  # windows in memory, after which those that have ended are removed
NO_REQUESTS = (0, -math.inf)  # no request was counted, and the window ended long ago


class MemoryCounters:
    """The counts of all rate limits of one process. Several threads may use them at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # The key and length in seconds of a window: its counted requests, and the time of its end.
        self._counts: dict[tuple[str, int], tuple[int, float]] = {}
        self._sweep_at = SWEEP_AT

    def hit(self, key: str, windows: tuple[Window, ...], *, may_lease: bool = False) -> HitResult:
        """Count one request. Return whether it is admitted, the windows, and their counts.

        `may_lease` has no effect: nothing is counted in advance, because counting is cheap here.
        """
        with self._lock:
            now = self._clock()
            admitted = True
            counts = []
            for quota, seconds in windows:
                used, end = self._counts.get((key, seconds), NO_REQUESTS)
                if end <= now:
                    used, end = 0, now + seconds
                admitted = admitted and used < quota
                counts.append((used, end))
            if admitted:
                counts = [(used + 1, end) for used, end in counts]
                for (_, seconds), count in zip(windows, counts, strict=True):
                    self._counts[key, seconds] = count
                if len(self._counts) >= self._sweep_at:
                    self._sweep(now)
        return admitted, windows, [WindowCount(used, end - now) for used, end in counts]

    def peek(self, key: str, windows: tuple[Window, ...]) -> HitResult:
        with self._lock:
            ends = [
                WindowCount(*self._counts.get((key, seconds), NO_REQUESTS))
                for _, seconds in windows
            ]
        return peek_result(windows, counts_at(self._clock(), ends, windows))

    def probe(self) -> None:
        """Check nothing: requests can always be counted in memory."""

    def return_unspent(self, idle_seconds: float) -> None:
        """Do nothing, because no requests are counted in advance."""

    def _sweep(self, now: float) -> None:
        """Remove the windows that have ended at `now`, to limit the use of memory.

        Do this again when the number of windows has doubled.
        """
        self._counts = {key: count for key, count in self._counts.items() if count[1] > now}
        self._sweep_at = max(SWEEP_AT, 2 * len(self._counts))
