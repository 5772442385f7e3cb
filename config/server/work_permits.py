"""Limits on how many requests a process works on at the same time.

NOTE: A thread needs a permit while it works on a request. The answer to a change waits before it
is sent (tokens/authentication/change_wait.py), and while it waits, another request has its permit.
So there are more threads than permits.

Pages also need a lock, so that a process computes one page at a time. All threads share one Python
interpreter, so an API request would wait for each of several pages, again and again. With the lock
the request waits for one page at most. Some pages take long. So a page waits PAGE_LOCK_SECONDS for
the lock, and then goes on without the lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock, local
from typing import Any

from tokens.authentication.change_wait import WORK_PERMIT
from tokens.core.waiting_places import MAX_PLACES, MAX_QUEUED

# Threads without a permit, for requests that wait before or after a change. There is this number
# for programs, and again for pages.
SPARE_THREADS = MAX_PLACES + MAX_QUEUED
PAGE_LOCK_SECONDS = 0.1  # a page that checks a password holds the lock for longer

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_page_lock = Lock()
_thread = local()


class FairSemaphore:
    """A semaphore that goes to the thread that has waited longest.

    `threading.Semaphore` is not fair: a thread that releases it and acquires it again overtakes
    the threads that wait. Under load a request could wait for seconds.
    """

    def __init__(self, value: int) -> None:
        self._free = value
        self._lock = Lock()
        self._turns: deque[Lock] = deque()  # one for each waiting thread, locked while it waits

    def acquire(self) -> None:
        """Wait until this thread gets the semaphore."""
        with self._lock:
            if self._free:
                self._free -= 1
                return
            turn = Lock()
            turn.acquire()
            self._turns.append(turn)
        turn.acquire()

    def release(self) -> None:
        """Give the semaphore to the thread that has waited longest, if a thread waits."""
        with self._lock:
            if self._turns:
                self._turns.popleft().release()
            else:
                self._free += 1


class WorkPermit:
    """The right of one request to be worked on. For a page, also the lock for pages."""

    def __init__(self, permits: FairSemaphore, lock: Lock | None) -> None:
        self._permits = permits
        self._lock = lock
        self._held: list[FairSemaphore | Lock] = []

    def take(self) -> None:
        """Wait for a permit. For a page, wait up to PAGE_LOCK_SECONDS for the lock too."""
        self._permits.acquire()
        self._held.append(self._permits)
        if self._lock and self._lock.acquire(timeout=PAGE_LOCK_SECONDS):
            self._held.append(self._lock)

    def give_back(self) -> None:
        """Give back the permit and the lock, if this request has them."""
        while self._held:
            self._held.pop().release()


def thread_pool(name: str, workers: int, *, for_pages: bool) -> ThreadPoolExecutor:
    """Return a pool of threads for requests. At most `workers` threads work at the same time."""
    start = partial(use_permits, FairSemaphore(workers), for_pages=for_pages)
    return ThreadPoolExecutor(workers + SPARE_THREADS, name, initializer=start)


def use_permits(permits: FairSemaphore, *, for_pages: bool) -> None:
    """Prepare a new thread: its requests need one of `permits`, and for pages the lock too."""
    _thread.permits, _thread.lock = permits, _page_lock if for_pages else None


def with_permit(application: Application) -> Application:
    """Return a WSGI application that has a permit while `application` computes the response.

    A permit is the right to work on a request, and only a few requests have one at a time. It is
    given back before the response is sent to the client.
    """

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        permit = environ[WORK_PERMIT] = WorkPermit(_thread.permits, _thread.lock)
        permit.take()
        try:
            return application(environ, start_response)
        finally:
            permit.give_back()

    return answer
