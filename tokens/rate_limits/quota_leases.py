"""Quota leases: a process lets Redis count several requests of a token in advance.

Then the process can admit the next requests of this token without asking Redis for each. A quota
lease is such a group of requests. To spend a request is to admit a client's request with it.
Requests that are not spent are returned to Redis. Nothing here talks to Redis: redis_counters.py
does. All times are from `seconds_since_boot`.

NOTE: No window ever admits more requests than its quota, for these reasons:
- Redis counts a request in all windows before a process can spend it. If a process is killed, its
  unspent requests stay counted, so fewer requests are admitted.
- A request is spent only while its windows still run on Redis's clock. The lease ends after 0.9 of
  the time (PTTL) that Redis gives for the window that ends first, and this time begins before the
  question is sent. So this process's clock may be up to a tenth slower than the clock of Redis.
- Unspent requests are removed here before they are returned, and are returned only once. So no
  request is both spent and returned. Redis takes a request back only in the window that counted
  it.
"""

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tokens.rate_limits.limits import Window, WindowCount

QUOTA_LEASE_SECONDS = 0.25  # a lease should have enough requests for this time
MAX_LEASED = 32  # the most requests in a lease
PARTS_OF_QUOTA = 64  # a lease has at most a 64th of the requests that are left
VALID_PART = 0.9  # the part of a window's remaining time in which a lease may be used
MAX_QUOTA_LEASES = 4096  # in one process; about 3 MB
EXPIRY_SECONDS = 0.001  # a window may exist for so long when Redis says that no time is left
MIN_ELAPSED_SECONDS = 1e-6  # so that nothing is divided by 0

# The key under which requests are counted, and the windows of the rate limit.
LeaseKey = tuple[str, tuple[Window, ...]]


def requests_to_take(spent: int, elapsed: float, quota_left: int) -> int:
    """Return how many requests a process should let Redis count in advance for a token.

    The process has spent (admitted) `spent` requests in the last `elapsed` seconds. Take what it
    spends in QUOTA_LEASE_SECONDS at this rate, but at most twice as many as last time. So a slow
    client takes one request at a time. `quota_left` is the number of requests that the fullest
    window still admits.
    """
    in_time = int(spent * QUOTA_LEASE_SECONDS / max(elapsed, MIN_ELAPSED_SECONDS))
    return max(1, min(2 * spent, in_time, MAX_LEASED, quota_left // PARTS_OF_QUOTA))


class TakeResult(NamedTuple):
    """The answer of Redis to a process that asked it to count some requests in advance."""

    requests: int  # how many Redis has counted; 0 if a window is full
    counts: list[WindowCount]  # of each window, these requests included
    # When each window ends, in milliseconds on Redis's clock. Empty for fewer than two requests.
    ends_at: tuple[int, ...] = ()


class UnspentRequests(NamedTuple):
    """Requests that were counted in advance but not used, to be returned to their windows."""

    key: str
    windows: tuple[Window, ...]
    requests: int
    ends_at: tuple[int, ...]


@dataclass(slots=True)
class QuotaLease:
    """Requests of one token that Redis has counted in advance, for this process to admit later.

    The first of them is spent (admitted) at once.
    """

    sent: float  # the time at which the process asked Redis
    quota_left: int  # the requests that the fullest window still admits, besides this lease
    unspent: int = 0
    spent: int = 1
    valid_until: float = -math.inf
    # The count of each window, with the time of its end on this clock as `seconds_left`.
    ends: Sequence[WindowCount] = ()
    ends_at: tuple[int, ...] = ()  # the same ends in milliseconds on Redis's clock; 0 if unknown

    @classmethod
    def from_answer(
        cls, windows: tuple[Window, ...], taken: TakeResult, sent: float, received: float
    ) -> "QuotaLease":
        """Return the requests that Redis has counted in advance, as a lease to spend them from.

        `taken` is the answer of Redis. `sent` and `received` are the times of question and answer.
        """
        counts = taken.counts
        left = windows[0].quota - counts[0].used
        if len(windows) > 1:
            left = min(quota - used for (quota, _), (used, _) in zip(windows, counts, strict=True))
        lease = cls(sent, left)
        if taken.requests > 1:
            lease.unspent = taken.requests - 1
            shortest = min(seconds_left for _, seconds_left in counts)
            lease.valid_until = sent + VALID_PART * (shortest - EXPIRY_SECONDS)
            lease.ends = [WindowCount(used, received + seconds) for used, seconds in counts]
            lease.ends_at = taken.ends_at
        return lease

    def is_spendable(self, now: float) -> bool:
        """Return True if a request of this lease may be spent (admitted) at the time `now`."""
        return self.unspent > 0 and now < self.valid_until

    def is_returnable(self, now: float) -> bool:
        """Return True if unspent requests can be given back to Redis at the time `now`.

        They can if one of the windows that have counted them has not ended.
        """
        return self.unspent > 0 and any(self.ends_at) and now < max(end for _, end in self.ends)

    def counts(self, now: float) -> list[WindowCount]:
        """Return the count of each window at `now`, as far as this process knows.

        Requests that were counted in advance, but are not spent, are left out.
        """
        return [WindowCount(used - self.unspent, end - now) for used, end in self.ends]


class QuotaLeases:
    """All quota leases of one process: requests that were counted in advance, for each token.

    The windows are part of the key. So after a change of a token's limit, no old lease is found.

    NOTE: Only one thread at a time takes a new lease for a key. Other threads wait until it has
    the answer of Redis, and then spend requests of its lease. If each thread took a lease, the
    process would have many more requests than it needs. If the process needs only one request, no
    thread waits. So for a slow client or a small quota nothing is slower than without leases.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._take_ended = threading.Condition(self._lock)
        # The oldest lease is the first. A lease without requests is kept too, because it shows
        # how many requests are made in which time.
        self._leases: OrderedDict[LeaseKey, QuotaLease] = OrderedDict()
        self._taking: set[LeaseKey] = set()  # keys for which a thread now asks Redis
        self._replaced: list[tuple[LeaseKey, QuotaLease]] = []  # old leases with unspent requests
        # The number of questions to Redis that leases have saved, minus the number of returns. It
        # never gets below 0, so there are never more messages to Redis than clients' requests.
        self._saved_trips = 0

    def spend(self, lease_key: LeaseKey, now: float) -> list[WindowCount] | None:
        """Admit a client's request without asking Redis, and return the counts of the windows.

        Return None if no request was counted in advance. `now` is a time after the client's
        request began.
        """
        with self._lock:
            lease = self._leases.get(lease_key)
            if lease is None or not lease.is_spendable(now):
                return None
            lease.unspent -= 1
            lease.spent += 1
            self._saved_trips += 1
            return lease.counts(now)

    def begin_take(self, lease_key: LeaseKey, now: float) -> int:
        """Return how many requests the caller should now let Redis count.

        More than 1 means that some are counted in advance, to admit later requests without Redis.
        Then always call `end_take`, also after an error, because other threads wait. 0 means that
        another thread is asking Redis, or has just got an answer: then call `wait_for_take`.
        """
        with self._lock:
            lease = self._leases.get(lease_key)
            if lease is None:
                return 1
            if lease_key in self._taking or lease.is_spendable(now):
                return 0
            wanted = requests_to_take(lease.spent, now - lease.sent, lease.quota_left)
            if wanted > 1:
                self._taking.add(lease_key)
            return wanted

    def end_take(self, lease_key: LeaseKey) -> None:
        """Wake the threads that wait for this key in `wait_for_take`: Redis has answered."""
        with self._lock:
            self._taking.discard(lease_key)
            self._take_ended.notify_all()

    def wait_for_take(self, lease_key: LeaseKey, seconds: float) -> None:
        """Wait while another thread lets Redis count requests of this key, at most `seconds`."""
        with self._lock:
            self._take_ended.wait_for(lambda: lease_key not in self._taking, seconds)

    def add(self, lease_key: LeaseKey, lease: QuotaLease) -> None:
        """Store a new lease, so that all threads can spend its requests.

        If the former lease of the key has unspent requests, they are returned to Redis later.
        """
        with self._lock:
            before = self._leases.pop(lease_key, None)
            if before and before.unspent:
                if not lease.unspent and before.is_spendable(lease.sent):
                    lease = before  # the new lease had only one request, which is used already
                else:
                    self._return_later(lease_key, before)
            self._leases[lease_key] = lease
            if len(self._leases) > MAX_QUOTA_LEASES:
                self._return_later(*self._leases.popitem(last=False))

    def _return_later(self, lease_key: LeaseKey, lease: QuotaLease) -> None:
        """Store a replaced lease, so that its unspent requests are returned to Redis later."""
        if lease.unspent and len(self._replaced) < MAX_QUOTA_LEASES:
            self._replaced.append((lease_key, lease))

    def remove_unspent(self, now: float, idle_seconds: float) -> list[UnspentRequests]:
        """Remove unspent requests from the leases, and return them. The caller tells Redis.

        Only requests that were counted `idle_seconds` ago or earlier are removed. The caller may
        send each to Redis only once. If this fails, they count as used until their window ends.
        """
        with self._lock:
            replaced, self._replaced = self._replaced, []
            idle = [item for item in self._leases.items() if now - item[1].sent >= idle_seconds]
            found: list[UnspentRequests] = []
            for (key, windows), lease in [*replaced, *idle]:
                if self._saved_trips > len(found) and lease.is_returnable(now):
                    unspent = UnspentRequests(key, windows, lease.unspent, lease.ends_at)
                    found.append(unspent)
                    lease.unspent = 0
            self._saved_trips -= len(found)
            return found
