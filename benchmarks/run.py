"""What a request costs: Tokenry, a plain Django view and three peers, in one interleaved run.

Part one calls Django in process, part two loads the shipped server with wrk. Needs nothing but Python for the columns
of SQLite; PostgreSQL (BENCH_POSTGRESQL), Redis (BENCH_REDIS) and wrk where they are there. It makes databases of its
own, and drops them. A run in which everything was measured is written into docs/performance.md and .svg.
"""

import argparse
import os
import sys
import time

from benchmarks import endtoend, inprocess, report, workshop
from benchmarks.targets import NAMES, Results, targets
from benchmarks.workshop import Store, Workshop

SIZES = [1000, 100_000, 1_000_000]


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few rounds, 1,000 tokens only: does it run?")
    parser.add_argument("--write", action="store_true", help="write the documents though something was not measured")
    parser.add_argument("--rounds", type=int, default=0, help="of part one, at least 2; default 40, or 5 with --quick")
    return parser.parse_args()


def run(sizes: list[int], rounds: int, *, quick: bool) -> Results:
    found = {"postgresql": workshop.missing(), "end to end": endtoend.missing()}
    without = {what: why for what, why in found.items() if why}
    stores = [Store(database, size) for database in NAMES if database not in without for size in sizes]
    started = time.monotonic()
    with Workshop(stores) as place:
        say(f"Filling {len(stores)} databases, up to {sizes[-1]:,} tokens each ...")
        place.fill()
        say(f"{time.monotonic() - started:.0f} s. In process, {rounds} rounds ...")
        plain, measured = inprocess.measure(place, rounds)
        rates = {}
        if "end to end" not in without:
            say(f"{time.monotonic() - started:.0f} s. End to end ...")
            rates = endtoend.measure(place, *((2, 1) if quick else (6, 3)))
    say(f"{time.monotonic() - started:.0f} s.\n")
    return Results(plain, measured, rates, stores, without)


def main() -> None:
    chosen = arguments()
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > cores / 4:
        say(f"This machine is busy (load {load:.1f} on {cores} cores): the ratios will scatter.")
    sizes = SIZES[:1] if chosen.quick else SIZES
    results = run(sizes, chosen.rounds or (5 if chosen.quick else 40), quick=chosen.quick)
    for table in (report.cost_table, report.rate_table):
        say("\n".join(table(results)) + "\n")
    for target in targets(results):
        say(f"{target.verdict:13} {target.shown:>6}  {target.wanted:7} {target.words}")
    if chosen.write or not (results.without or chosen.quick):
        report.write(results)
        say(f"\nWritten to {report.PAGE.relative_to(workshop.ROOT)} and {report.PICTURE.name}.")


if __name__ == "__main__":
    main()
