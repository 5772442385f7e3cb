"""The targets for the measured figures."""

from collections.abc import Callable
from statistics import median
from typing import NamedTuple

from benchmarks.endtoend import VERIFY, VIEW, Rates, Served
from benchmarks.inprocess import Measured, Series, Subject, rate_of
from benchmarks.pacing import Paced
from benchmarks.setups import COLUMNS, HOT, OFF, Setup
from benchmarks.workshop import Store

LARGEST = 1_000_000


class Results(NamedTuple):
    """The measurements of a run."""

    plain: Series
    inprocess: Measured
    endtoend: dict[Served, Rates]
    paced: Paced | None
    stores: list[Store]
    without: dict[str, str]  # why "postgresql" or "end to end" was not measured

    def get(
        self, setup: Setup, case: str, size: int = 0, *, prepared: bool = False
    ) -> Series | None:
        return self.inprocess.get(Subject(setup, case, size, prepared))


class Figure(NamedTuple):
    """A measured figure, and the requests a second of each token that it was measured with."""

    value: float
    rate: float


class Limit(NamedTuple):
    """The bound of a figure in one setup, and the figure, None if it was not measured."""

    setup: Setup
    bound: float
    at_most: bool
    figure: Figure | None

    @property
    def is_met(self) -> bool:
        """Return True if the figure was measured and keeps the bound."""
        if self.figure is None:
            return False
        value = self.figure.value
        return value <= self.bound if self.at_most else value >= self.bound

    @property
    def shown(self) -> str:
        """Return the figure, with its rate if it is hot, the bound, and if it misses the bound."""
        words = f"{'≤' if self.at_most else '≥'} {self.bound:g}"
        if self.figure is None:
            return f"{words}: not measured"
        hot = f", at {self.figure.rate:,.0f}/s" if self.setup == HOT else ""
        return f"{self.figure.value:.2f} ({words}{hot}){'' if self.is_met else ' missed'}"


class Target(NamedTuple):
    """A figure with a limit in some setups."""

    words: str
    limits: dict[Setup, Limit]


Measure = Callable[[Results, Setup], Figure | None]


def of_case(case: str) -> Measure:
    """Return a function for the cost of `case`, times the plain view's."""

    def measure(results: Results, setup: Setup) -> Figure | None:
        if (series := results.get(setup, case)) is None:
            return None
        return Figure(series.ratio, rate_of(Subject(setup, case), series))

    return measure


def of_rate(path: str) -> Measure:
    """Return a function for the server's rate, as a part of the plain view's."""

    def measure(results: Results, setup: Setup) -> Figure | None:
        rates = results.endtoend.get(Served(setup, 1, path))
        return Figure(rates.ratio, median(rates.per_second)) if rates else None

    return measure


def of_peer(case: str) -> Measure:
    """Return a function for the peer's cost, times that of Tokenry in the same view.

    On PostgreSQL the peer has prepared statements, as Tokenry always has: Django does not prepare
    unless its settings say so. SQLite's driver always prepares.
    """

    def measure(results: Results, setup: Setup) -> Figure | None:
        is_sqlite = setup.database == "sqlite"
        peer = results.get(setup if is_sqlite else OFF, case, prepared=not is_sqlite)
        return times(peer, results.get(setup, "drf-tokenry"), Subject(setup, "drf-tokenry"))

    return measure


def of_size(results: Results, setup: Setup) -> Figure | None:
    """Return the cost with a large database, times the cost with a small one."""
    small = results.get(setup, "tokenry")
    return times(results.get(setup, "tokenry", LARGEST), small, Subject(setup, "tokenry"))


def times(one: Series | None, ours: Series | None, subject: Subject) -> Figure | None:
    """Return the cost of `one` divided by that of `ours`: the median over the rounds.

    `ours` are the measurements of `subject`.
    """
    if one is None or ours is None:
        return None
    ratios = [a / b for a, b in zip(one.ratios, ours.ratios, strict=True)]
    return Figure(median(ratios), rate_of(subject, ours))


END_TO_END = "end to end on gunicorn, one process, of the plain view's rate: "
SAME_VIEW = "in the same DRF view, times ours: "
# Words, the function, True if it is at most the bound, and the bounds: SQLite, hot, leases off
TARGETS: list[tuple[str, Measure, bool, tuple[float | None, float | None, float | None]]] = [
    ("`/verify`, in process", of_case("verify"), True, (1.2, 1.0, 3.5)),
    ("a view with scope, limit, usage", of_case("tokenry"), True, (2.2, 2.0, 5.0)),
    ("`GET /api/v1/token`", of_case("current token"), True, (2.6, 2.4, 5.5)),
    ("no token of ours, refused at /api/", of_case("garbage"), True, (1.4, None, None)),
    ("usage: the thread's CPU for each request", of_case("usage"), True, (0.3, 0.3, None)),
    (END_TO_END + "view", of_rate(VIEW), False, (0.62, 0.65, None)),
    (END_TO_END + "`/verify`", of_rate(VERIFY), False, (0.82, 0.88, None)),
    (SAME_VIEW + "knox", of_peer("drf-knox"), False, (3.6, 5.0, None)),
    (SAME_VIEW + "drf-api-key", of_peer("drf-api-key"), False, (2.2, 3.0, None)),
    ("1,000,000 tokens, times 1,000", of_size, True, (1.1, None, 1.1)),
]


def targets(results: Results) -> list[Target]:
    return [
        Target(
            words,
            {
                setup: Limit(setup, bound, at_most, measure(results, setup))
                for setup, bound in zip(COLUMNS, bounds, strict=True)
                if bound is not None
            },
        )
        for words, measure, at_most, bounds in TARGETS
    ]
