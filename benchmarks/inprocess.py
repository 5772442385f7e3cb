"""In process: Django's own handler is called with requests made beforehand, each time straight after the plain view."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from statistics import median, quantiles

from benchmarks.workshop import Process, Store, Workshop

BATCH_SECONDS = 0.02
TOKENRY = [
    "tokenry", "busy owner", "no limit", "no usage", "neither", "garbage", "mistyped", "unknown", "expired", "too many",
    "record",
]  # fmt: skip
FRAMEWORK = ["drf-tokenry", "drf-tokenry no limit", "drf-api-key", "drf-authtoken", "drf-knox"]
GROWING = ["tokenry", "drf-knox"]


@dataclass(frozen=True)
class Subject:
    """What is measured: a case of subject.py on a database; with statements prepared by the server, or as is usual."""

    store: Store
    case: str
    prepared: bool = False


@dataclass
class Series:
    """What was measured of a subject: for each round, its cost as a multiple of the plain view's."""

    queries: float
    ratios: list[float] = field(default_factory=list)
    microseconds: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def quartiles(self) -> tuple[float, float]:
        low, _, high = quantiles(self.ratios, n=4, method="inclusive")
        return low, high


Measured = dict[Subject, Series]


def subjects(stores: list[Store]) -> Iterator[Subject]:
    smallest = min(store.size for store in stores)
    for store in stores:
        if store.size > smallest:
            yield from (Subject(store, case) for case in GROWING)
            continue
        yield from (Subject(store, case) for case in [*TOKENRY, *FRAMEWORK, "knox busy owner"])
        if store.database == "postgresql":
            yield from (Subject(store, case, prepared=True) for case in FRAMEWORK)


def measure(workshop: Workshop, rounds: int) -> tuple[Series, Measured]:
    """The plain view's and every subject's series."""

    @cache
    def process(store: Store, bare: bool, prepared: bool) -> Process:
        return workshop.start(store, BENCH_BARE="1" if bare else "", BENCH_PREPARED="1" if prepared else "")

    def process_of(subject: Subject) -> Process:
        return process(subject.store, subject.case not in TOKENRY, subject.prepared)

    def batch(worker: Process, case: str) -> int:
        """How many requests take about as long as a batch should."""
        worker.ask("run", case, 10)
        return max(6, min(500, int(BATCH_SECONDS / worker.ask("run", case, 10))))

    plain = process(workshop.stores[0], bare=True, prepared=False)
    sizes = {subject: batch(process_of(subject), subject.case) for subject in subjects(workshop.stores)}
    plain_size = batch(plain, "plain")
    base = Series(0)
    measured = {subject: Series(process_of(subject).ask("queries", subject.case, 5)) for subject in sizes}
    for number in range(rounds):
        for subject in list(sizes)[:: 1 if number % 2 else -1]:
            before = 1e6 * plain.ask("run", "plain", plain_size)
            cost = 1e6 * process_of(subject).ask("run", subject.case, sizes[subject])
            base.microseconds.append(before)
            measured[subject].microseconds.append(cost)
            measured[subject].ratios.append(cost / before)
    return base, measured
