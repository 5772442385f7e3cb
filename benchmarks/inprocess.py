"""Call the application in process with prepared requests.

Each batch of requests runs directly after a batch of the plain view.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from statistics import median, quantiles

from benchmarks.setups import COLUMNS, HOT, IN_A_SECOND, OFF, SQLITE, TURNS, Setup
from benchmarks.workshop import Process, Store, Workshop

BATCH_SECONDS = 0.02
REFUSED = ["garbage", "mistyped", "unknown", "expired", "too many"]
TOKENRY = ["tokenry", "busy owner", "verify", "current token", *REFUSED, "drf-tokenry"]
PEERS = ["drf-api-key", "drf-authtoken", "drf-knox"]
GROWING = ["tokenry", "drf-knox"]
IN_TURNS = ["tokenry", "verify", "current token"]
# A process takes at most 32 requests of a token's quota at once, beginning with one and then up
# to twice as many: after `warm` requests it takes 32. Each third of a batch has five such takings.
HOT_BATCH = {"warm": 96, "requests": 480}
# With many tokens the warm requests use each of them 40 times, and a third lasts longer than a
# lease, so that it has its share of reads. That takes a second or more, so few rounds have it.
TURNS_BATCH = {"warm": 4000, "requests": 9000}
SLOW_ROUNDS = 5  # one in so many


@dataclass(frozen=True)
class Subject:
    """A case of subject.py in a setup, with or without statements prepared by the server.

    `size` is the number of tokens in the database; 0 means the smallest database of the run. The
    case "usage" is the work of the recorder's thread for the case "tokenry".
    """

    setup: Setup
    case: str
    size: int = 0
    prepared: bool = False

    @property
    def is_slow(self) -> bool:
        return self.setup == TURNS or self.case == "usage"


@dataclass
class Series:
    """The measurements of a subject: in each round its cost, and the ratio to the plain view's."""

    queries: float = 0
    ratios: list[float] = field(default_factory=list)
    microseconds: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def quartiles(self) -> tuple[float, float]:
        several = self.ratios if len(self.ratios) > 1 else self.ratios * 2
        low, _, high = quantiles(several, n=4, method="inclusive")
        return low, high


Measured = dict[Subject, Series]


def rate_of(subject: Subject, series: Series) -> float:
    """Return how many requests a second each of the subject's tokens got."""
    requests = IN_A_SECOND if subject.case == "usage" else 1e6 / median(series.microseconds)
    return requests / subject.setup.tokens


def subjects(stores: list[Store]) -> Iterator[Subject]:
    """Yield all subjects. Peers have no leases; larger databases have only cases in GROWING."""
    databases = {store.database for store in stores}
    smallest = min(store.size for store in stores)
    for setup in COLUMNS:
        if setup.database in databases:
            yield from (Subject(setup, case) for case in TOKENRY)
    for setup in (SQLITE, OFF):
        if setup.database in databases:
            yield from (Subject(setup, case) for case in [*PEERS, "knox busy owner"])
            sizes = [store.size for store in stores if store.database == setup.database]
            larger = [size for size in sizes if size > smallest]
            yield from (Subject(setup, case, size) for case in GROWING for size in larger)
    for setup in (SQLITE, HOT, TURNS):
        if setup.database in databases:
            yield Subject(setup, "usage")
    if "postgresql" in databases:
        yield from (Subject(OFF, case, prepared=True) for case in PEERS)
        yield from (Subject(TURNS, case) for case in IN_TURNS)


class Bench:
    """The processes of the subjects, and the sizes of their batches."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._smallest = min(store.size for store in workshop.stores)
        self._process = cache(self._start)
        self._plain = self._process(workshop.stores[0], "on", bare=True, prepared=False)
        self._plain_batch = self._batch(self._plain, "plain", 1)
        self._batches: dict[Subject, dict[str, int]] = {}

    def _start(self, store: Store, leases: str, *, bare: bool, prepared: bool) -> Process:
        return self._workshop.start(
            store,
            TOKEN_LEASES=leases,
            BENCH_BARE="1" if bare else "",
            BENCH_PREPARED="1" if prepared else "",
        )

    def process_of(self, subject: Subject) -> Process:
        store = Store(subject.setup.database, subject.size or self._smallest)
        bare = subject.case not in [*TOKENRY, "usage"]
        return self._process(store, subject.setup.leases, bare=bare, prepared=subject.prepared)

    def _batch(self, worker: Process, case: str, tokens: int) -> dict[str, int]:
        """Return the size of a batch that takes about BATCH_SECONDS."""
        few = {"tokens": tokens, "warm": 6, "requests": 10}
        worker.ask("run", case, **few)
        requests = max(6, min(500, int(BATCH_SECONDS / worker.ask("run", case, **few))))
        return {"tokens": tokens, "warm": 5 + requests // 10, "requests": requests}

    def prepare(self, subject: Subject) -> Series:
        """Choose the size of the subject's batches, and return its empty series."""
        if subject.case == "usage":
            return Series()
        setup, worker = subject.setup, self.process_of(subject)
        self._batches[subject] = {
            HOT: {"tokens": setup.tokens, **HOT_BATCH},
            TURNS: {"tokens": setup.tokens, **TURNS_BATCH},
        }.get(setup) or self._batch(worker, subject.case, setup.tokens)
        requests = HOT_BATCH["requests"] if setup == HOT else 5
        return Series(worker.ask("queries", subject.case, tokens=setup.tokens, requests=requests))

    def plain(self) -> float:
        """Return the microseconds of the plain view."""
        return 1e6 * float(self._plain.ask("run", "plain", **self._plain_batch))

    def cost(self, subject: Subject) -> float:
        """Return the microseconds of a request of the subject."""
        worker = self.process_of(subject)
        if subject.case == "usage":
            return 1e6 * float(worker.ask("usage", "tokenry", tokens=subject.setup.tokens))
        return 1e6 * float(worker.ask("run", subject.case, **self._batches[subject]))


def measure(workshop: Workshop, rounds: int) -> tuple[Series, Measured]:
    """Return the series of the plain view and of each subject."""
    bench, base = Bench(workshop), Series()
    measured = {subject: bench.prepare(subject) for subject in subjects(workshop.stores)}
    for number in range(rounds):
        for subject in list(measured)[:: 1 if number % 2 else -1]:
            if subject.is_slow and number % SLOW_ROUNDS:
                continue
            before = bench.plain()
            cost = bench.cost(subject)
            base.microseconds.append(before)
            measured[subject].microseconds.append(cost)
            measured[subject].ratios.append(cost / before)
    return base, measured
