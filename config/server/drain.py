"""State of a worker process that stops.

A worker "drains" while it still answers requests but /readyz says 503, so that load balancers
choose another server. gunicorn's first process and its workers import this module.
"""

import mmap

# True if this worker stops and no new worker replaces it. There is no lock, because a signal
# handler sets this variable, and a signal handler must not wait for a lock.
has_begun = False

# New workers replace all workers up to this number. gunicorn numbers workers in the order in which
# they start, and calls the number "age". All forked processes share this memory.
_replaced = mmap.mmap(-1, 8)


def replace_workers(age: int) -> None:
    """Store that new workers replace all workers with a number up to `age` (after SIGHUP)."""
    _replaced[:] = age.to_bytes(8, "big")


def is_replaced(age: int) -> bool:
    """Return True if a new worker replaces the worker with the number `age`."""
    return age <= int.from_bytes(_replaced[:], "big")
