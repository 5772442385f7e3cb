"""Limit how many requests wait at the same time, because each of them keeps a thread.

A request that changes a token waits before its answer: see tokens/authentication/change_wait.py.
It needs one of a few places.
"""

import threading

MAX_PLACES = 4
# Requests that may wait for a free place. Further requests are refused at once.
MAX_QUEUED = 2
QUEUE_SECONDS = 1.0


class WaitingPlaces:
    """Limits how many requests wait at the same time, because each of them keeps a thread.

    There are MAX_PLACES places, and a queue in which MAX_QUEUED requests may wait for a place.
    """

    def __init__(self) -> None:
        self._free = threading.Semaphore(MAX_PLACES)
        self._queue = threading.Semaphore(MAX_QUEUED)

    def take_free(self) -> bool:
        """Take a place if one is free, without waiting. Return True if one was free."""
        return self._free.acquire(blocking=False)

    def take_soon(self) -> bool:
        """Take a place, or wait up to QUEUE_SECONDS seconds until one is free.

        Return False if there was no place in this time, or if the queue was full.
        """
        if not self._queue.acquire(blocking=False):
            return False
        try:
            return self._free.acquire(timeout=QUEUE_SECONDS)
        finally:
            self._queue.release()

    def give_back(self) -> None:
        """Give back a place that was taken, so that another request can take it."""
        self._free.release()
