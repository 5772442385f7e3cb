"""config/server/work_permits.py: how many requests compute at once, and one page at a time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Semaphore
from typing import Any

import pytest

from config.server import work_permits
from config.server.work_permits import (
    PAGE_LOCK_SECONDS,
    FairSemaphore,
    use_permits,
    with_permit,
)
from tests.run import patience, until
from tokens.authentication.change_wait import WORK_PERMIT


class Recording:
    """A lock or a semaphore that records its calls."""

    def __init__(self, name: str, happened: list[Any], *, is_free: bool = True) -> None:
        self.name, self.happened, self.is_free = name, happened, is_free

    def acquire(self, timeout: float | None = None) -> bool:
        self.happened.append((f"take {self.name}", timeout))
        return self.is_free

    def release(self) -> None:
        self.happened.append(f"give back {self.name}")


def happened(
    monkeypatch: pytest.MonkeyPatch, *, is_page: bool, is_free: bool = True, waits: bool = False
) -> list[Any]:
    """Return the calls of the permits, the lock and the application, in order."""
    events: list[Any] = []
    monkeypatch.setattr(work_permits, "_page_lock", Recording("lock", events, is_free=is_free))
    permits: Any = Recording("permit", events)

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        events.append("computed")
        if waits:
            environ[WORK_PERMIT].give_back()
            events.append("waited")
        return [b"the answer"]

    start = partial(use_permits, permits, for_pages=is_page)
    with ThreadPoolExecutor(1, initializer=start) as thread:
        assert thread.submit(with_permit(application), {}, dict).result() == [b"the answer"]
    return events


TAKE, GIVE_BACK = ("take permit", None), "give back permit"
TAKE_LOCK, GIVE_BACK_LOCK = ("take lock", PAGE_LOCK_SECONDS), "give back lock"


def test_a_page_waits_for_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [TAKE, TAKE_LOCK, "computed", GIVE_BACK_LOCK, GIVE_BACK]
    assert happened(monkeypatch, is_page=True) == expected


def test_a_page_goes_on_without_the_lock_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [TAKE, TAKE_LOCK, "computed", GIVE_BACK]
    assert happened(monkeypatch, is_page=True, is_free=False) == expected


def test_a_program_takes_no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    assert happened(monkeypatch, is_page=False) == [TAKE, "computed", GIVE_BACK]


def test_a_request_that_waits_has_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [TAKE, TAKE_LOCK, "computed", GIVE_BACK_LOCK, GIVE_BACK, "waited"]
    assert happened(monkeypatch, is_page=True, waits=True) == expected


@contextmanager
def threads(permits: FairSemaphore, number: int) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(
        number, initializer=partial(use_permits, permits, for_pages=True)
    ) as pool:
        yield pool


def test_a_page_that_fails_gives_everything_back() -> None:
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise ValueError("an error")

    permits = FairSemaphore(1)
    with threads(permits, 1) as pool, pytest.raises(ValueError, match="an error"):
        pool.submit(with_permit(application), {}, dict).result()
    assert not work_permits._page_lock.locked()
    assert permits._free == 1


def test_another_request_works_while_one_waits() -> None:
    """With one permit and two threads, the second request ends while the first one waits."""
    second_ended = Semaphore(0)

    def waiting(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ[WORK_PERMIT].give_back()
        assert second_ended.acquire(timeout=patience(5))
        return [b"first"]

    def working(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        second_ended.release()
        return [b"second"]

    with threads(FairSemaphore(1), 2) as pool:
        first = pool.submit(with_permit(waiting), {}, dict)
        assert pool.submit(with_permit(working), {}, dict).result() == [b"second"]
        assert first.result() == [b"first"]


def test_whoever_waited_longest_is_next() -> None:
    """A thread that releases and acquires again goes to the end of the queue."""
    permits, order = FairSemaphore(1), list[str]()
    permits.acquire()

    def wait(name: str) -> None:
        permits.acquire()
        order.append(name)
        permits.release()

    with ThreadPoolExecutor(3) as pool:
        for number, name in enumerate(("first", "second", "third"), 1):
            pool.submit(wait, name)
            until(partial(waiting, permits, number), AssertionError)
        permits.release()
        permits.acquire()
        order.append("again")
        permits.release()
    assert order == ["first", "second", "third", "again"]


def waiting(permits: FairSemaphore, number: int) -> None:
    assert len(permits._turns) == number


def test_all_permits_come_back() -> None:
    permits = FairSemaphore(3)

    def work(_: int) -> None:
        permits.acquire()
        permits.release()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(2000)))
    assert permits._free == 3
    assert not permits._turns
