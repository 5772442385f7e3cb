"""How many requests a process leases, when it may spend them, and what it returns. Pure."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.run import patience
from tokens.rate_limits import quota_leases
from tokens.rate_limits.limits import WindowCount, parse_rate_limit
from tokens.rate_limits.quota_leases import (
    QUOTA_LEASE_SECONDS,
    QuotaLease,
    QuotaLeases,
    TakeResult,
    UnspentRequests,
    requests_to_take,
)

HOUR = parse_rate_limit("1000/hour")
TWO = parse_rate_limit("1000/second;100000/hour")
KEY, OTHER = ("a", HOUR), ("b", HOUR)
END = 1_800_000_000_000  # of a window, in milliseconds of Redis's clock


def lease(
    requests: int, *, sent: float = 0, used: int = 500, milliseconds: int = 100_000
) -> QuotaLease:
    """Return a lease in the window of an hour whose answer arrived half a second later."""
    ends_at = (END,) if requests > 1 else ()
    taken = TakeResult(requests, [WindowCount(used, (milliseconds + 1) / 1000)], ends_at)
    return QuotaLease.from_answer(HOUR, taken, sent, sent + 0.5)


@pytest.mark.parametrize(
    ("spent", "gap", "left", "wanted"),
    [
        (1, 60, 999, 1),
        (1, 0.2, 999, 1),  # five a second
        (1, 0.125, 999, 2),
        (1, 0.001, 999, 2),  # twice as many at most
        (1, 0, 999, 2),
        (4, 0.5, 999, 2),  # eight a second, so it takes fewer
        (4, 0.1, 999, 8),
        (8, 0.1, 999, 15),  # a 64th of what is left
        (16, 0.02, 999_999, 32),
        (32, 0.02, 999_999, 32),
        (32, 0.02, 128, 2),
        (32, 0.02, 127, 1),
        (32, 0.02, 9, 1),
        (32, 0.02, 0, 1),
        (32, 0.02, -7, 1),  # the limit became smaller
        (3, 3600, 999, 1),
    ],
)
def test_how_many_are_wanted(spent: int, gap: float, left: int, wanted: int) -> None:
    assert requests_to_take(spent, gap, left) == wanted


@pytest.mark.parametrize(
    ("rate", "share"), [(1, 1), (3.9, 1), (8.1, 0.51), (20, 0.26), (100, 0.05), (1000, 0.033)]
)
def test_the_faster_the_fewer_trips(rate: float, share: float) -> None:
    """Simulate 20 s of a token with a large quota in one process."""
    leases, windows = QuotaLeases(), parse_rate_limit("1000000/hour")
    now, trips, requests = 0.0, 0, round(20 * rate)
    for number in range(requests):
        now += 1 / rate
        if leases.spend(("a", windows), now) is None:
            wanted = leases.begin_take(("a", windows), now)
            leases.end_take(("a", windows))
            taken = TakeResult(wanted, [WindowCount(number + wanted, 3600)], (END,))
            leases.add(("a", windows), QuotaLease.from_answer(windows, taken, now, now))
            trips += 1
    assert trips <= share * requests + 5  # five to find out how fast the token is
    assert trips == requests or rate > 4


def test_a_lease_is_spent_before_nine_tenths_of_the_window_that_ends_first() -> None:
    leases = QuotaLeases()
    taken = TakeResult(4, [WindowCount(500, 0.801), WindowCount(7, 60)], (END, END))
    leases.add(("a", TWO), QuotaLease.from_answer(TWO, taken, 100, 100.5))
    assert leases.spend(("a", TWO), 100.71)
    assert leases.spend(("a", TWO), 100.721) is None
    assert leases.remove_unspent(101, 0) == [UnspentRequests("a", TWO, 2, (END, END))]


def test_what_a_client_sees_falls_by_one_with_each_request() -> None:
    leases = QuotaLeases()
    first = lease(3, used=500)
    assert first.counts(0.5) == [WindowCount(498, 100.001)]
    leases.add(KEY, first)
    assert leases.spend(KEY, 10) == [WindowCount(499, 90.501)]
    assert leases.spend(KEY, 20) == [WindowCount(500, 80.501)]
    assert leases.spend(KEY, 20) is None


def test_another_key_and_other_windows_find_nothing() -> None:
    leases = QuotaLeases()
    leases.add(KEY, lease(3))
    assert leases.spend(OTHER, 1) is None
    assert leases.spend(("a", parse_rate_limit("500/hour")), 1) is None
    assert leases.begin_take(OTHER, 1) == 1


def test_only_idle_leases_are_returned_and_only_once() -> None:
    leases = QuotaLeases()
    leases.add(KEY, lease(4, sent=10))
    leases.add(OTHER, lease(6, sent=10.2))
    assert leases.spend(KEY, 10.6)
    assert leases.spend(OTHER, 10.6)
    assert leases.remove_unspent(10 + 0.9 * QUOTA_LEASE_SECONDS, QUOTA_LEASE_SECONDS) == []
    assert leases.remove_unspent(10.3, QUOTA_LEASE_SECONDS) == [
        UnspentRequests("a", HOUR, 2, (END,))
    ]
    assert leases.spend(KEY, 11) is None
    assert leases.remove_unspent(11, QUOTA_LEASE_SECONDS) == [
        UnspentRequests("b", HOUR, 4, (END,))
    ]
    assert leases.remove_unspent(11, 0) == []
    # The next lease goes by what was spent, not by what was taken.
    assert leases.begin_take(KEY, 10.1) == 4


def test_a_lease_that_another_replaces_is_returned() -> None:
    leases = QuotaLeases()
    leases.add(KEY, lease(4))
    assert leases.spend(KEY, 1)
    leases.add(KEY, lease(8, sent=2))
    assert leases.remove_unspent(2, QUOTA_LEASE_SECONDS) == [UnspentRequests("a", HOUR, 2, (END,))]
    assert leases.spend(KEY, 2)
    leases.add(KEY, lease(1, sent=2))  # of a thread that did not wait
    assert leases.remove_unspent(3, 0) == [UnspentRequests("a", HOUR, 6, (END,))]


@pytest.mark.parametrize("ends_at", [(), (0,)], ids=["one taken", "no PEXPIRETIME"])
def test_without_the_end_on_redis_clock_nothing_is_returned(ends_at: tuple[int, ...]) -> None:
    leases = QuotaLeases()
    taken = TakeResult(4, [WindowCount(500, 100)], ends_at)
    leases.add(KEY, QuotaLease.from_answer(HOUR, taken, 0, 0))
    assert leases.spend(KEY, 1)
    assert leases.remove_unspent(2, 0) == []
    assert leases.spend(KEY, 2)


def test_nothing_is_returned_to_a_window_that_is_over() -> None:
    leases = QuotaLeases()
    leases.add(KEY, lease(4, milliseconds=10_000))
    assert leases.spend(KEY, 1)
    assert leases.remove_unspent(11, 0) == []


def test_a_return_needs_a_trip_that_leases_saved() -> None:
    """Two fast requests and then none: a return would be the third trip."""
    leases = QuotaLeases()
    leases.add(KEY, lease(1))
    assert leases.begin_take(KEY, 0.01) == 2
    leases.add(KEY, lease(2, sent=0.01))
    assert leases.remove_unspent(1, 0) == []
    leases.add(OTHER, lease(2))
    assert leases.spend(OTHER, 1)
    assert leases.remove_unspent(2, 0) == [UnspentRequests("a", HOUR, 1, (END,))]


def test_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota_leases, "MAX_QUOTA_LEASES", 10)
    leases = QuotaLeases()
    for number in range(50):
        leases.add((str(number), HOUR), lease(3))
        assert leases.spend((str(number), HOUR), 1)
    assert list(leases._leases) == [(str(number), HOUR) for number in range(40, 50)]
    returned = leases.remove_unspent(1, 60)
    assert [unspent.key for unspent in returned] == [str(number) for number in range(10)]


# Threads


def test_threads_spend_each_request_once() -> None:
    leases = QuotaLeases()
    leases.add(KEY, lease(32))
    returned = []

    def spend(number: int) -> bool:
        if number == 100:
            returned.extend(leases.remove_unspent(1, 0))
        return leases.spend(KEY, 1) is not None

    with ThreadPoolExecutor(8) as pool:
        spent = Counter(pool.map(spend, range(200)))[True]
    assert spent + sum(unspent.requests for unspent in returned) == 31


def test_one_thread_takes_and_the_others_wait_for_it() -> None:
    leases = QuotaLeases()
    leases.add(KEY, lease(1))
    assert leases.begin_take(KEY, 0.01) == 2
    assert leases.begin_take(KEY, 0.01) == 0
    waits = threading.Event()

    def wait() -> bool:
        waits.set()
        leases.wait_for_take(KEY, patience(5))
        return leases.spend(KEY, 1) is not None

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait)
        assert waits.wait(patience(5))
        leases.add(KEY, lease(2))
        leases.end_take(KEY)
        assert waiting.result(patience(5))


def test_a_take_that_fails_does_not_block_the_next() -> None:
    leases = QuotaLeases()
    leases.add(KEY, lease(1))
    assert leases.begin_take(KEY, 0.01) == 2
    leases.wait_for_take(KEY, 0)  # no longer than it should
    leases.end_take(KEY)
    assert leases.begin_take(KEY, 0.01) == 2


def test_who_finds_a_lease_after_all_does_not_take() -> None:
    leases = QuotaLeases()
    leases.add(KEY, lease(2))
    assert leases.begin_take(KEY, 1) == 0
    leases.wait_for_take(KEY, patience(5))
    assert leases.spend(KEY, 1)
