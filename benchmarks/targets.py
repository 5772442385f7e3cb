"""What the figures are held to."""

from functools import partial
from statistics import median
from typing import NamedTuple

from benchmarks.endtoend import Rates, Served
from benchmarks.inprocess import Measured, Series, Subject
from benchmarks.workshop import Store

NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL + Redis"}


class Results(NamedTuple):
    """All that a run measured. What could not be is not in it."""

    plain: Series
    inprocess: Measured
    endtoend: dict[Served, Rates]
    stores: list[Store]
    without: dict[str, str]  # why: "postgresql" and "end to end" where they are missing

    def store(self, database: str, size: int = 0) -> Store:
        """The store of that database and size; the smallest where no size is named."""
        return Store(database, size or min(store.size for store in self.stores))

    def get(self, database: str, case: str, size: int = 0, *, prepared: bool = False) -> Series | None:
        return self.inprocess.get(Subject(self.store(database, size), case, prepared))


class Target(NamedTuple):
    words: str
    limit: float
    at_most: bool
    figure: float | None

    @property
    def verdict(self) -> str:
        if self.figure is None:
            return "not measured"
        return "met" if (self.figure <= self.limit) == self.at_most or self.figure == self.limit else "missed"

    @property
    def wanted(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.limit:g}"

    @property
    def shown(self) -> str:
        return "–" if self.figure is None else f"{self.figure:.2f}"


def times(one: Series | None, other: Series | None) -> float | None:
    """How many times the cost of `other` is `one`'s: the median over the rounds."""
    return median(a / b for a, b in zip(one.ratios, other.ratios, strict=True)) if one and other else None


def targets(results: Results) -> list[Target]:
    return [target for database in NAMES for target in [*of_cost(results, database), *of_peers(results, database)]]


def of_cost(results: Results, database: str) -> list[Target]:
    name, get = NAMES[database], lambda case, size=0: results.get(database, case, size)
    tokenry, garbage = get("tokenry"), get("garbage")
    both = times(tokenry, get("neither"))
    rates = results.endtoend.get(Served(results.store(database), 1))
    limit = {"sqlite": (2.5, 0.55), "postgresql": (7, 0.4)}[database]
    found = [
        Target(f"{name}: a request, times the plain view", limit[0], True, tokenry and tokenry.ratio),
        Target(f"{name}: end to end, the plain view's rate", limit[1], False, rates and rates.ratio),
        Target(f"{name}: at 1,000,000 tokens, times at 1,000", 1.2, True, times(get("tokenry", 1_000_000), tokenry)),
        Target(f"{name}: an owner of 1,000 tokens, times of one", 1.2, True, times(get("busy owner"), tokenry)),
        Target(f"{name}: usage on, times off", 1.15, True, times(tokenry, get("no usage"))),
    ]
    if database == "sqlite":  # there the limit is in memory, and a refusal asks nobody
        found += [
            Target(f"{name}: limit and last use, times without", 1.15, True, both),
            Target(f"{name}: no token of ours, refused, times the plain view", 1.4, True, garbage and garbage.ratio),
        ]
    queries = garbage and garbage.queries
    return [*found, Target(f"{name}: queries of that refusal", 0, True, queries)]


def of_peers(results: Results, database: str) -> list[Target]:
    """In the same Django REST framework view, with statements prepared by the server for all."""
    prepared = database == "postgresql"  # SQLite's driver always prepares
    get = partial(results.get, database, prepared=prepared)
    return [
        Target(
            f"{NAMES[database]}: {peer}, times Tokenry in the same view{words}",
            limit,
            False,
            times(get(its), get(ours)),
        )
        for ours, words in (("drf-tokenry", ""), ("drf-tokenry no limit", ", without the limit"))
        for peer, its, limit in (("knox", "drf-knox", 2.5), ("drf-api-key", "drf-api-key", 1.5))
    ]
