"""Simulate how often many nodes ask PostgreSQL and Redis, with leases. No server is needed.

`python -m benchmarks.reads_simulation` takes some seconds, and writes docs/reads.svg and the table
in docs/scaling.md. The same seed gives the same figures on each machine.

A request goes to a process chosen at random, as most balancers do, and its token is chosen by
Zipf's law: the second token gets half of the requests of the first, the third a third. A process
reads a token's row if it has no lease, and all other requests for the token wait for that read. A
lease lasts for LEASE seconds from the moment before the read. So if a process gets r requests a
second with a token, it reads the token r / (1 + LEASE * r) times a second. The table has the
figures of the simulation and of this formula.
"""

import random
from itertools import accumulate
from typing import NamedTuple

from benchmarks.charts.bars import OURS, PEER, PLAIN
from benchmarks.charts.lines import Axis, Line, Plot, line_chart
from benchmarks.report import DOCS, replace_part, row

NODES = [10, 100, 1000]
PROCESSES = 4  # of each node
TOKENS = 1000
SHARES = [1 / rank for rank in range(1, TOKENS + 1)]
LEASE = 0.2  # seconds, as in tokens/authentication
# Of the quota a process takes at once what it spends in this time, but at most MAX_TAKEN.
QUOTA_SECONDS = 0.25
MAX_TAKEN = 32
BUSIEST = 1000  # requests a second of one process; docs/performance.md has the measured figure
TRAFFIC = [100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000]
EVENTS = 100_000  # at most about so many requests are simulated for a figure
SEED = 18


class Asked(NamedTuple):
    """Questions a second: rows read from PostgreSQL, and trips to Redis."""

    reads: float
    trips: float


class Quota:
    """What a process has of a token's quota: how many it took, when, and how many are left."""

    __slots__ = ("at", "left", "taken")

    def __init__(self, now: float) -> None:
        self.taken, self.at, self.left = 1, now, 0

    def take(self, now: float) -> None:
        """Take from Redis again, now that nothing is left, and spend one."""
        in_time = int(self.taken * QUOTA_SECONDS / (now - self.at))
        self.taken = max(1, min(2 * self.taken, in_time, MAX_TAKEN))
        self.at, self.left = now, self.taken - 1


def simulate(requests: int, processes: list[int]) -> Asked:
    """Return how often `requests` a second ask. `processes` has how many each token may meet."""
    chance = random.Random(SEED)
    warm = 2 * LEASE
    seconds = warm + min(20.0, max(0.2, EVENTS / requests - warm))
    moments, now = [], 0.0
    while (now := now + chance.expovariate(requests)) < seconds:
        moments.append(now)
    tokens = chance.choices(range(TOKENS), cum_weights=list(accumulate(SHARES)), k=len(moments))
    leased: dict[int, float] = {}
    quotas: dict[int, Quota] = {}
    reads = trips = 0
    for now, token in zip(moments, tokens, strict=True):
        key = int(chance.random() * processes[token]) * TOKENS + token
        counts = now >= warm
        if leased.get(key, 0.0) <= now:
            leased[key] = now + LEASE
            reads += counts
        quota = quotas.get(key)
        if quota and quota.left:
            quota.left -= 1
            continue
        trips += counts
        if quota:
            quota.take(now)
        else:
            quotas[key] = Quota(now)
    return Asked(reads / (seconds - warm), trips / (seconds - warm))


def anywhere(nodes: int) -> list[int]:
    """Return how many processes each token meets, if the balancer knows no tokens: all."""
    return [nodes * PROCESSES] * TOKENS


def at_home(requests: int) -> list[int]:
    """Return the same if the balancer keeps a token at one node, or as few as can carry it."""
    return [processes_of(requests * share / sum(SHARES)) for share in SHARES]


def processes_of(rate: float) -> int:
    """Return how many processes a token with so many requests a second needs, half busy."""
    nodes = -(-rate // (PROCESSES * BUSIEST / 2))
    return int(PROCESSES * max(1, nodes))


def closed_form(requests: int, nodes: int) -> float:
    """Return the reads a second that the formula gives for a balancer that knows no tokens."""
    processes = nodes * PROCESSES
    rates = [requests * share / sum(SHARES) / processes for share in SHARES]
    return processes * sum(rate / (1 + LEASE * rate) for rate in rates)


def simulated() -> tuple[dict[int, dict[int, Asked]], dict[int, Asked]]:
    """Return the figures by nodes and traffic, up to what the nodes can serve; then at home."""
    found = {
        nodes: {
            requests: simulate(requests, anywhere(nodes))
            for requests in TRAFFIC
            if requests <= nodes * PROCESSES * BUSIEST
        }
        for nodes in NODES
    }
    return found, {requests: simulate(requests, at_home(requests)) for requests in TRAFFIC}


def rounded(value: float) -> str:
    """Return a number with two digits that count."""
    return f"{float(f'{value:.2g}'):,.0f}"


def table(found: dict[int, dict[int, Asked]], home: dict[int, Asked]) -> str:
    """Return the Markdown table: reads, the formula's in brackets, and trips."""
    lines = [
        row("requests/s", *(f"{nodes:,} nodes" for nodes in NODES), "each token at one node"),
        row("--:", *["--:"] * (len(NODES) + 1)),
    ]
    for requests in TRAFFIC[::2]:
        cells = []
        for nodes in NODES:
            asked = found[nodes].get(requests)
            formula = rounded(closed_form(requests, nodes))
            cells.append(
                f"{rounded(asked.reads)} ({formula}); {rounded(asked.trips)}" if asked else "–"
            )
        own = home[requests]
        lines.append(row(f"{requests:,}", *cells, f"{rounded(own.reads)}; {rounded(own.trips)}"))
    return "\n".join(lines) + "\n"


def picture(found: dict[int, dict[int, Asked]], home: dict[int, Asked]) -> str:
    """Return the chart of the reads."""
    reads = {
        nodes: [(float(requests), asked.reads) for requests, asked in of_nodes.items()]
        for nodes, of_nodes in found.items()
    }
    at_one = [(float(requests), asked.reads) for requests, asked in home.items()]
    ends = float(TRAFFIC[0]), float(TRAFFIC[-1])
    ticks = {float(10**power): f"{10**power:,}" for power in range(2, 7)}
    spoken = [
        f"{nodes:,} nodes: {rounded(points[-1][1])} reads at {rounded(points[-1][0])} requests"
        for nodes, points in reads.items()
    ]
    spoken.append(f"each token at one node: {rounded(at_one[-1][1])} at {rounded(ends[1])}")
    return line_chart(
        Plot(
            title="Reads of PostgreSQL with leases",
            note=f"Simulated: {TOKENS:,} tokens by Zipf's law, {PROCESSES} processes a node. "
            "Each line ends where its nodes are busy.",
            described=f"Reads a second of PostgreSQL by requests a second. {'. '.join(spoken)}.",
            across=Axis(*ends, ticks, "requests a second of all nodes"),
            up=Axis(50.0, ends[1], ticks, "reads a second"),
            lines=[
                Line("without leases", [(end, end) for end in ends], PLAIN, "6 5", shift=-10),
                *(
                    Line(f"{nodes:,} nodes", points, PEER, dots=True)
                    for nodes, points in reads.items()
                ),
                Line("a token at one node", at_one, OURS, dots=True),
            ],
            marks=[],
        )
    )


def main() -> None:
    found, home = simulated()
    (DOCS / "reads.svg").write_text(picture(found, home))
    replace_part(DOCS / "scaling.md", "python -m benchmarks.reads_simulation", table(found, home))


if __name__ == "__main__":
    main()
