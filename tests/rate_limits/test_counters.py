"""Count requests. Most tests run both in memory and in Redis."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.rate_limits.conftest import Clock, Kind
from tests.run import patience
from tokens.rate_limits import counters as counting
from tokens.rate_limits import memory
from tokens.rate_limits.limits import RateLimitResult, parse_rate_limit
from tokens.rate_limits.memory import MemoryCounters
from tokens.token_settings import TokenSettings

TEN = parse_rate_limit("10/minute")


def check_left(result: RateLimitResult, *expected: tuple[int, int]) -> None:
    """Check requests exactly, and seconds with a tolerance for the time that the test took."""
    assert [requests for requests, _ in result.remaining] == [requests for requests, _ in expected]
    for (_, seconds), (_, limit) in zip(result.remaining, expected, strict=True):
        assert limit - 5 <= seconds <= limit


def test_a_window_begins_with_its_first_request_and_admits_its_quota(kind: Kind) -> None:
    kind.pass_time(31)  # a minute of the clock is no boundary
    check_left(kind.hit(), (9, 60))
    kind.pass_time(40)
    assert [kind.hit().admitted for _ in range(12)] == 9 * [True] + 3 * [False]
    check_left(kind.hit(), (0, 20))
    kind.pass_time(10)
    assert not kind.hit().admitted
    kind.pass_time(10)
    check_left(kind.hit(), (9, 60))


def test_a_window_ends_even_where_refused_requests_never_pause(kind: Kind) -> None:
    for _ in range(10):
        kind.hit()
    refused = 0
    while not kind.hit().admitted:
        kind.pass_time(10)
        refused += 1
    assert refused == 6


def test_several_windows_count_all_or_nothing(kind: Kind) -> None:
    notation = "2/minute;4/hour"
    check_left(kind.hit(notation), (1, 60), (3, 3600))
    check_left(kind.hit(notation), (0, 60), (2, 3600))
    for _ in range(3):
        refused = kind.hit(notation)
        assert (refused.admitted, refused.full_window_names) == (False, ["token-60"])
        check_left(refused, (0, 60), (2, 3600))
    kind.pass_time(60)
    check_left(kind.hit(notation), (1, 60), (1, 3540))
    check_left(kind.hit(notation), (0, 60), (0, 3540))
    refused = kind.hit(notation)
    assert (refused.admitted, refused.full_window_names) == (False, ["token-60", "token-3600"])
    kind.pass_time(60)
    for _ in range(3):
        refused = kind.hit(notation)
        assert (refused.admitted, refused.full_window_names) == (False, ["token-3600"])
        check_left(refused, (2, 60), (0, 3480))
    kind.pass_time(3480)
    check_left(kind.hit(notation), (1, 60), (3, 3600))


@pytest.mark.parametrize(
    "notation", ["1/minute", "3/minute", "2/minute;3/hour", "3/minute;3/hour"]
)
def test_after_retry_after_it_succeeds_and_not_long_before(kind: Kind, notation: str) -> None:
    while (result := kind.hit(notation)).admitted:
        kind.pass_time(7)
    kind.pass_time(result.retry_after - 10)
    assert not kind.hit(notation).admitted
    kind.pass_time(10)
    assert kind.hit(notation).admitted


def test_another_limit_on_the_same_length_sees_what_was_counted(kind: Kind) -> None:
    for _ in range(3):
        kind.hit("10/minute")
    assert not kind.hit("3/minute").admitted
    check_left(kind.hit("5/minute"), (1, 60))
    check_left(kind.hit("5/minute;10/hour"), (0, 60), (9, 3600))
    assert not kind.hit("5/minute").admitted
    check_left(kind.hit("10/minute"), (4, 60))


def test_keys_do_not_meet(kind: Kind) -> None:
    for key in ("a", "b", "failed a"):
        assert kind.hit("1/minute", key).admitted
        assert not kind.hit("1/minute", key).admitted


class Yielding(dict[tuple[str, int], tuple[int, float]]):
    """Lets another thread run between the read and the write of a count."""

    def get(self, *arguments: Any) -> Any:
        found = super().get(*arguments)
        time.sleep(0)
        return found


# The connections of the pool's threads are never closed.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in.*<socket:pytest.PytestUnraisableExceptionWarning"
)
def test_threads_together_are_admitted_no_more_often(kind: Kind) -> None:
    if isinstance(kind.counters, MemoryCounters):
        kind.counters._counts = Yielding()
    with ThreadPoolExecutor(20) as pool:
        admitted = Counter(pool.map(lambda _: kind.hit("100/minute").admitted, range(400)))
    assert admitted == {True: 100, False: 300}


def test_memory_is_swept(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SWEEP_AT", 10)
    counters = MemoryCounters(clock.monotonic)
    for number in range(1000):
        counters.hit(str(number), TEN)
        clock.pass_time(1)
    # 60 windows still run, and there may be as many again until the next sweep.
    assert len(counters._counts) <= 60 + 60
    assert counters.hit("999", TEN)[2][0].used == 2


def test_threads_that_ask_first_share_their_counters(
    monkeypatch: pytest.MonkeyPatch, token_settings: TokenSettings
) -> None:
    """Right after a start many threads ask at once. Own counters would admit a quota for each."""
    token_settings.REDIS_URL = ""
    both = threading.Barrier(2)

    class MadeTogether(MemoryCounters):
        def __init__(self) -> None:
            both.wait(timeout=patience(5))
            super().__init__()

    monkeypatch.setattr(counting, "MemoryCounters", MadeTogether)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: counting.get_counters(), range(2))
    assert first is second
    counting.shared_counters.clear()
