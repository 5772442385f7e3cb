"""Leases: for a fifth of a second, a process uses a token's row again that it has read before.

Without leases, each request with a busy token would query the database for the same row.

NOTE: A lease is the permission to use a row again. It begins just before the query is sent, and
ends after LEASE_SECONDS. The answer to a change waits until all leases of the old row have ended
(change_wait.py). So processes need not tell each other about changes, and no message can be lost.
docs/performance.md has the proof. The idea is from Gray and Cheriton, "Leases" (1989).
"""

from collections.abc import Callable
from threading import Event, Lock
from typing import Generic, NamedTuple, TypeVar

from tokens.core.boot_clock import seconds_since_boot

LEASE_SECONDS = 0.2
# The number of rows in memory. When it is reached, leases that have ended are removed.
MAX_LEASES = 10_000
# The longest time that a request waits for another request that reads the same row.
MAX_READ_SECONDS = 1.0

LeasedRow = TypeVar("LeasedRow")
# A function that reads a row from the database by the token's identifier. It returns the row, or
# None, and True if the row may be used again (leased).
ReadRow = Callable[[str], tuple[LeasedRow | None, bool]]


class Lease(NamedTuple, Generic[LeasedRow]):
    """A row, and the time on the clock of `Leases` at which its lease ends.

    The time is 0 if the row has no lease: then the row may be used only once.
    """

    row: LeasedRow
    end: float = 0.0


class SharedRead(Generic[LeasedRow]):
    """A query by one thread for a token's row. Other threads wait, and use its result too."""

    def __init__(self) -> None:
        self.is_over = Event()
        self.sent_at = 0.0
        self.lease: Lease[LeasedRow] | None = None  # None if other threads must not use the row
        self.error: Exception | None = None


class Leases(Generic[LeasedRow]):
    """Rows of tokens in memory that requests may use for a moment, without a query (leases).

    The keys are the tokens' identifiers. Several threads may call the methods at the same time.
    """

    def __init__(self, clock: Callable[[], float] = seconds_since_boot) -> None:
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """Forget all rows and all queries that run, and make a new lock, as in a new process."""
        self._lock = Lock()
        self._leases: dict[str, Lease[LeasedRow]] = {}
        self._running: dict[str, SharedRead[LeasedRow]] = {}

    def __len__(self) -> int:
        return len(self._leases)

    def seconds_left(self, end: float) -> float:
        """Return the seconds until a lease ends: less than 0 if it has ended, or never began."""
        return end - self._clock()

    def find(self, identifier: str) -> Lease[LeasedRow] | None:
        """Return the token's row with its lease, if a request may use it without a query.

        Otherwise return None.

        Call this after the client's request has begun: the row may be too old for this request,
        although it was new enough for earlier requests.
        """
        lease = self._leases.get(identifier)
        return lease if lease and self._clock() < lease.end else None

    def read(self, identifier: str, read: ReadRow[LeasedRow]) -> Lease[LeasedRow] | None:
        """Read a token's row with the function `read`. Return it with its lease, or None.

        Keep the row for later requests, if `read` says that this is allowed.

        Only one thread at a time reads the same row. The other threads wait, and use its result.
        So a busy token causes one query in LEASE_SECONDS. If the query takes so long that the
        lease is over at its end, one of the waiting threads reads again. The others may use this
        second result, because it was read after they began to wait.
        """
        asked_at = self._clock()
        for _ in range(2):
            own_read = SharedRead[LeasedRow]()
            running = self._running.setdefault(identifier, own_read)
            if running is own_read:
                return self._read_for_all(identifier, read, own_read)
            running.is_over.wait(asked_at + MAX_READ_SECONDS - self._clock())
            if running.error:  # raise the same error, so that no thread waits a second time
                raise running.error.with_traceback(None)
            if lease := self.find(identifier):
                return lease
            if running.lease is None:
                break
            if running.sent_at >= asked_at:
                return running.lease
        # The other thread found no token, was in a transaction, or took too long.
        row, _ = read(identifier)
        return None if row is None else Lease(row)

    def _read_for_all(
        self, identifier: str, read: ReadRow[LeasedRow], shared_read: SharedRead[LeasedRow]
    ) -> Lease[LeasedRow] | None:
        """Read the row, give it to the threads that wait for `shared_read`, and return it."""
        try:
            if lease := self.find(identifier):  # another thread has read the row just now
                return lease
            shared_read.sent_at = self._clock()
            try:
                row, may_be_leased = read(identifier)
            except Exception as error:
                shared_read.error = error
                raise
            if row is None or not may_be_leased:
                return None if row is None else Lease(row)
            shared_read.lease = lease = Lease(row, shared_read.sent_at + LEASE_SECONDS)
            self._keep(identifier, lease)
            return lease
        finally:
            self._running.pop(identifier, None)
            shared_read.is_over.set()

    def _keep(self, identifier: str, lease: Lease[LeasedRow]) -> None:
        """Keep the row in memory until its lease ends. Do nothing if there are too many rows."""
        with self._lock:
            if len(self._leases) >= MAX_LEASES:
                now = self._clock()
                self._leases = {
                    name: kept for name, kept in list(self._leases.items()) if now < kept.end
                }
            if len(self._leases) < MAX_LEASES:
                self._leases[identifier] = lease
