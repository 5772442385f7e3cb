"""leases.py: how threads that want the same row share one read."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Queue
from threading import Event

import pytest

from tests.run import patience
from tokens.authentication import leases as module
from tokens.authentication.leases import LEASE_SECONDS, Lease, Leases

WAITING = 5  # threads


class Database:
    """A table with one row, whose reads last until the test ends them."""

    def __init__(self) -> None:
        self.begun: Queue[Event] = Queue()
        self.row: str | None = "old"
        self.is_in_transaction = self.is_broken = False

    def read(self, identifier: str) -> tuple[str | None, bool]:
        """Read the row as it is now, and return it when the test sets the event."""
        row, may_end = self.row, Event()
        self.begun.put(may_end)
        assert may_end.wait(patience(5))
        if self.is_broken:
            raise OSError("broken")
        return row, not self.is_in_transaction

    def next_read(self) -> Event:
        """Return the event that ends the next read, once the read has begun."""
        return self.begun.get(timeout=patience(5))


class Process:
    """One thread that reads, and others that wait for it. The time passes when the test says."""

    def __init__(self, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
        self.threads, self.database, self.now = threads, Database(), 0.0
        self.waits: Queue[None] = Queue()
        waits = self.waits

        class WatchedEvent(Event):
            def wait(self, timeout: float | None = None) -> bool:
                waits.put(None)
                return super().wait(patience(5))  # not the time of the test's clock

        monkeypatch.setattr(module, "Event", WatchedEvent)
        self.leases = Leases[str](lambda: self.now)
        self.first = self.ask()
        self.end_first = self.database.next_read()
        self.now = LEASE_SECONDS / 2
        self.others = [self.ask() for _ in range(WAITING)]
        self.see_waiting(WAITING)

    def ask(self) -> "Future[Lease[str] | None]":
        return self.threads.submit(self.leases.read, "identifier", self.database.read)

    def see_waiting(self, number: int) -> None:
        """Return once so many threads more wait for a read."""
        for _ in range(number):
            self.waits.get(timeout=patience(5))

    def rows(self) -> set[str | None]:
        """Return what the waiting threads got."""
        return {self.row_of(each) for each in self.others}

    @staticmethod
    def row_of(asked: "Future[Lease[str] | None]") -> str | None:
        """Return the row that the thread got, or None."""
        lease = asked.result(timeout=patience(5))
        return lease.row if lease else None


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    with ThreadPoolExecutor() as threads:
        yield Process(threads, monkeypatch)


def test_one_read_serves_all(process: Process) -> None:
    process.end_first.set()
    assert process.row_of(process.first) == "old"
    assert process.rows() == {"old"}
    assert process.database.begun.empty()


def test_a_read_that_outlasts_the_lease_is_repeated_once(process: Process) -> None:
    process.now, process.database.row = LEASE_SECONDS, "new"
    process.end_first.set()
    end_second = process.database.next_read()
    process.see_waiting(WAITING - 1)
    process.now = 3 * LEASE_SECONDS  # nor is the second row leased by now
    end_second.set()
    assert process.row_of(process.first) == "old"
    assert process.rows() == {"new"}
    assert process.database.begun.empty()


def test_a_row_in_a_transaction_is_nobody_elses(process: Process) -> None:
    process.database.is_in_transaction = True
    process.database.row = "committed"
    process.end_first.set()
    for _ in range(WAITING):
        process.database.next_read().set()
    assert process.rows() == {"committed"}
    assert len(process.leases) == 0


def test_a_failure_is_everybodys(process: Process) -> None:
    """A database that does not answer costs nobody the time of two reads."""
    process.database.is_broken = True
    process.end_first.set()
    for asked in (process.first, *process.others):
        with pytest.raises(OSError, match="broken"):
            asked.result(timeout=patience(5))
    assert process.database.begun.empty()
    process.database.is_broken = False
    later = process.ask()
    process.database.next_read().set()
    assert process.row_of(later) == "old"


def test_who_looked_before_a_read_ended_does_not_read_again(process: Process) -> None:
    process.end_first.set()
    process.rows()
    assert process.row_of(process.ask()) == "old"
    assert process.database.begun.empty()
