"""Measure what a request costs, by the number of requests a second of one token in one process.

A process sends requests with several tokens in one schedule, each token at a rate of its own and
at random moments (a Poisson process), and sleeps between them. The plain view is paced in the same
way, because a process that has slept is slower at first.
"""

from itertools import chain
from statistics import mean, median
from typing import NamedTuple

from benchmarks.setups import HOT, OFF, Setup
from benchmarks.workshop import Process, Workshop

RATES = [0.2, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 400.0]
SLICES = 6  # the plain view, leases on and leases off run in turn, so often
# A request that takes more than so many times the median was disturbed by the machine. It counts
# with this time.
AT_MOST = 2


class Paced(NamedTuple):
    """Microseconds of a request: of the plain view, and by setup for each of RATES."""

    plain: float
    costs: dict[Setup, list[float]]


def measure(workshop: Workshop, seconds: float) -> Paced:
    """Send requests for `seconds` in each slice, with leases and without. Needs PostgreSQL."""
    store = min(store for store in workshop.stores if store.database == "postgresql")
    plain = workshop.start(store, BENCH_BARE="1")
    workers = {setup: workshop.start(store, TOKEN_LEASES=setup.leases) for setup in (HOT, OFF)}
    of_plain: list[float] = []
    taken: dict[Setup, list[list[float]]] = {setup: [[] for _ in RATES] for setup in workers}
    for seed in range(SLICES + 1):
        slices = {
            setup: paced(worker, "tokenry", seconds, seed) for setup, worker in workers.items()
        }
        plain_slice = paced(plain, "plain", seconds, seed)
        if seed:  # slice 0 warms up
            of_plain += chain.from_iterable(plain_slice)
            for setup, of_rates in slices.items():
                for number, times in enumerate(of_rates):
                    taken[setup][number] += times
    # With leases most requests may be short ones, so the median is that of requests without.
    slowest = AT_MOST * median(chain.from_iterable(taken[OFF]))
    return Paced(
        cost(of_plain, AT_MOST * median(of_plain)),
        {setup: [cost(times, slowest) for times in found] for setup, found in taken.items()},
    )


def paced(worker: Process, case: str, seconds: float, seed: int) -> list[list[float]]:
    """Return the seconds of each request, by rate. Slice 0 lasts a second."""
    found: list[list[float]] = worker.ask(
        "paced", case, rates=RATES, seconds=seconds if seed else 1, seed=seed
    )
    return found


def cost(times: list[float], slowest: float) -> float:
    """Return the mean in microseconds, of times up to `slowest`; 0.0 if there are none.

    Not the fastest third as elsewhere: with leases some requests read and others do not, and the
    mean counts both as often as they occur.
    """
    return 1e6 * mean(min(time, slowest) for time in times) if times else 0.0
