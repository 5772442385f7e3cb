"""Compute slow hashes, such as those of passwords, one at a time in each process.

Many slow hashes at once must not take all processors and much memory from the API.
"""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

HASH_WAIT_SECONDS = 2.0  # how long a request waits while other hashes are computed
NICE = 10  # Unix "nice" value: while others are busy, the thread gets a tenth of a processor

Result = TypeVar("Result")


class Busy(Exception):
    """This process was computing other slow hashes for too long. The work was not done."""


def one_at_a_time(
    work: Callable[..., Result], *arguments: str, wait: float | None = None
) -> Result:
    """Run `work(*arguments)` in the only thread for slow hashes, and return the result.

    Raise Busy if the thread is not free within `wait` seconds, or HASH_WAIT_SECONDS without it.
    """
    if not hashing_lock.acquire(timeout=HASH_WAIT_SECONDS if wait is None else wait):
        raise Busy
    try:
        return hashing_thread.submit(work, *arguments).result()
    finally:
        hashing_lock.release()


def lower_priority() -> None:
    """Lower the priority of this thread, so that hashing does not slow down API requests.

    This works only on Linux, where each thread has its own priority.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox forbids the call
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


hashing_lock = threading.Lock()
hashing_thread = ThreadPoolExecutor(1, "slow hash", initializer=lower_priority)
