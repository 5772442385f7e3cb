"""tokens/core/boot_clock.py"""

import time

from tokens.core import boot_clock


def test_the_clock_also_counts_while_the_machine_is_suspended() -> None:
    assert getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC) == boot_clock.CLOCK
    first, second = boot_clock.seconds_since_boot(), boot_clock.seconds_since_boot()
    assert second >= first > 0
