"""tokens/authentication/leases.py: how long a row is used again, and who reads it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.run import patience
from tokens.authentication import leases as module
from tokens.authentication.leases import LEASE_SECONDS, MAX_LEASES, Lease, Leases


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Database:
    """A row whose version changes. Each read takes some time of the clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.version, self.reads = clock, 1, 0
        self.seconds_before = self.seconds_after = 0.0
        self.may_be_leased, self.is_known = True, True

    def read(self, identifier: str) -> tuple[int | None, bool]:
        self.reads += 1
        self.clock.now += self.seconds_before
        version = self.version
        self.clock.now += self.seconds_after
        return (version if self.is_known else None), self.may_be_leased


def row_of(lease: Lease[Any] | None) -> Any:
    """Return the row that a request may use."""
    assert lease is not None
    return lease.row


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(clock: Clock) -> Database:
    return Database(clock)


@pytest.fixture
def leases(clock: Clock) -> Leases[int]:
    return Leases(clock)


def test_a_row_is_used_until_the_lease_ends(
    leases: Leases[int], database: Database, clock: Clock
) -> None:
    assert leases.find("a") is None
    assert row_of(leases.read("a", database.read)) == 1
    database.version = 2
    clock.now += LEASE_SECONDS - 0.001
    assert row_of(leases.find("a")) == 1
    clock.now += 0.001
    assert leases.find("a") is None
    assert row_of(leases.read("a", database.read)) == 2
    assert row_of(leases.find("a")) == 2


def test_the_lease_begins_before_the_read_is_sent(
    leases: Leases[int], database: Database, clock: Clock
) -> None:
    database.seconds_before = LEASE_SECONDS / 2
    leases.read("a", database.read)
    clock.now += LEASE_SECONDS / 2 - 0.001
    assert row_of(leases.find("a")) == 1
    clock.now += 0.002
    assert leases.find("a") is None


def test_a_read_that_takes_too_long_is_used_once(leases: Leases[int], database: Database) -> None:
    database.seconds_after = LEASE_SECONDS
    assert row_of(leases.read("a", database.read)) == 1
    assert leases.find("a") is None


def test_a_lease_says_how_long_it_lasts(
    leases: Leases[int], database: Database, clock: Clock
) -> None:
    database.seconds_before = 0.05
    read, found = leases.read("a", database.read), leases.find("a")
    assert read
    assert read == found
    assert leases.seconds_left(read.end) == pytest.approx(LEASE_SECONDS - 0.05)
    clock.now += LEASE_SECONDS
    assert leases.seconds_left(read.end) == pytest.approx(-0.05)


def test_a_row_without_a_lease_has_no_time_left(leases: Leases[int], database: Database) -> None:
    database.may_be_leased = False
    lease = leases.read("a", database.read)
    assert lease is not None
    assert leases.seconds_left(lease.end) < 0


def test_what_must_not_be_leased_is_not_kept(leases: Leases[int], database: Database) -> None:
    database.may_be_leased = False
    assert row_of(leases.read("a", database.read)) == 1
    assert leases.find("a") is None


def test_unknown_tokens_are_not_kept(leases: Leases[int], database: Database) -> None:
    database.is_known = False
    assert leases.read("a", database.read) is None
    assert not len(leases)


def test_a_failed_read_is_raised_and_leaves_nothing(
    leases: Leases[int], database: Database
) -> None:
    def fail(identifier: str) -> tuple[int | None, bool]:
        raise ValueError("away")

    with pytest.raises(ValueError, match="away"):
        leases.read("a", fail)
    assert row_of(leases.read("a", database.read)) == 1


def test_memory_is_bounded(leases: Leases[int], database: Database, clock: Clock) -> None:
    for number in range(MAX_LEASES + 10):
        leases.read(str(number), database.read)
    assert len(leases) == MAX_LEASES
    clock.now += LEASE_SECONDS
    leases.read("another", database.read)
    assert len(leases) == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["use", "change"]),
            st.floats(0, 0.3),  # seconds until then
            st.floats(0, 0.15),  # seconds of a read, before and after the database looks
            st.floats(0, 0.15),
        ),
        max_size=50,
    )
)
def test_no_use_is_older_than_a_lease(steps: list[tuple[str, float, float, float]]) -> None:
    """A use never sees a version that was replaced more than LEASE_SECONDS before the use."""
    clock = Clock()
    database, leases = Database(clock), Leases[int](clock)
    replaced_at: dict[int, float] = {}
    for step, pause, before, after in steps:
        clock.now += pause
        if step == "change":
            replaced_at[database.version] = clock.now
            database.version += 1
            continue
        database.seconds_before, database.seconds_after = before, after
        began = clock.now
        version = row_of(leases.find("a") or leases.read("a", database.read))
        assert began - replaced_at.get(version, began) < LEASE_SECONDS


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


class Noted(Event):
    """An event that notes that somebody waits."""

    def __init__(self) -> None:
        super().__init__()
        self.somebody_waits = Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.somebody_waits.set()
        return super().wait(timeout)


@pytest.mark.parametrize("is_leased", [True, False])
def test_one_thread_reads_and_the_others_wait(
    monkeypatch: pytest.MonkeyPatch, threads: ThreadPoolExecutor, is_leased: bool
) -> None:
    monkeypatch.setattr(module, "Event", Noted)
    leases, results = Leases[str](Clock()), []

    def read(identifier: str) -> tuple[str | None, bool]:
        results.append(threads.submit(leases.read, "a", lambda _: ("second", True)))
        reading: Any = leases._running["a"].is_over
        assert reading.somebody_waits.wait(patience(5))
        return "first", is_leased

    first = threads.submit(leases.read, "a", read)
    assert row_of(first.result()) == "first"
    assert row_of(results[0].result()) == ("first" if is_leased else "second")
    assert not leases._running


def test_different_tokens_do_not_wait_for_each_other(threads: ThreadPoolExecutor) -> None:
    leases = Leases[str](Clock())

    def read(identifier: str) -> tuple[str | None, bool]:
        other = threads.submit(leases.read, "b", lambda _: ("b", True))
        return row_of(other.result(patience(5))), True

    assert row_of(leases.read("a", read)) == "b"
