"""Measure the cost of a request: Tokenry, a plain Django view and three peers, in turn.

Part one calls the application in process, part two at several rates of one token. Part three loads
the shipped server with wrk. SQLite needs only Python. PostgreSQL (BENCH_POSTGRESQL), Redis
(BENCH_REDIS) and wrk are used if they are there. The run makes its own databases, and drops them.
If everything was measured, the results are written into docs/performance.md, performance.svg and
leases.svg.
"""

import argparse
import os
import sys
import time

from benchmarks import endtoend, inprocess, pacing, report, workshop
from benchmarks.setups import DATABASES
from benchmarks.targets import Results
from benchmarks.workshop import Store, Workshop

SIZES = [1000, 100_000, 1_000_000]


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick", action="store_true", help="few rounds, 1,000 tokens only: does it run?"
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="write the documents even if something was not measured",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=0,
        help="of part one, at least 2; default 40, or 5 with --quick",
    )
    return parser.parse_args()


def run(sizes: list[int], rounds: int, *, quick: bool) -> Results:
    """Measure everything that is possible on this machine."""
    found = {"postgresql": workshop.missing(), "end to end": endtoend.missing()}
    without = {what: why for what, why in found.items() if why}
    stores = [
        Store(database, size)
        for database in DATABASES
        if database not in without
        for size in sizes
    ]
    started = time.monotonic()
    with Workshop(stores) as place:
        say(f"Filling {len(stores)} databases, up to {sizes[-1]:,} tokens each ...")
        place.fill()
        say(f"{time.monotonic() - started:.0f} s. In process, {rounds} rounds ...")
        plain, measured = inprocess.measure(place, rounds)
        paced, rates = None, {}
        if "postgresql" not in without:
            say(f"{time.monotonic() - started:.0f} s. By the rate of a token ...")
            paced = pacing.measure(place, 1 if quick else 10)
        if "end to end" not in without:
            say(f"{time.monotonic() - started:.0f} s. End to end ...")
            rates = endtoend.measure(place, *((2, 1) if quick else (6, 3)))
    say(f"{time.monotonic() - started:.0f} s.\n")
    return Results(plain, measured, rates, paced, stores, without)


def main() -> None:
    chosen = arguments()
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > cores / 4:
        say(f"This machine is busy (load {load:.1f} on {cores} cores): the ratios will vary.")
    sizes = SIZES[:1] if chosen.quick else SIZES
    results = run(sizes, chosen.rounds or (5 if chosen.quick else 40), quick=chosen.quick)
    for table in (report.cost_table, report.pace_table, report.rate_table, report.target_table):
        say("\n".join(table(results)) + "\n")
    if chosen.write or not (results.without or chosen.quick):
        report.write(results)
        say(f"Written to {report.PAGE.relative_to(workshop.ROOT)} and its pictures.")


if __name__ == "__main__":
    main()
