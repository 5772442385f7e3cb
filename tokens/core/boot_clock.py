"""A clock that nobody can set, and that goes on while the machine is suspended."""

import time

# Linux has such a clock. The monotonic clock of other systems may stop during a suspension.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def seconds_since_boot() -> float:
    """Return seconds on a clock that nobody can set. Only differences have a meaning."""
    return time.clock_gettime(CLOCK)
