"""Fixtures of the wait after a change."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from tokens.authentication import change_wait
from tokens.core import waiting_places
from tokens.core.waiting_places import MAX_PLACES, WaitingPlaces


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the list of the waits, as on PostgreSQL. Nothing really waits."""
    seconds: list[float] = []
    monkeypatch.setattr(change_wait, "is_needed", lambda: True)
    monkeypatch.setattr(change_wait, "forbid_open_transaction", lambda: None)
    monkeypatch.setattr(change_wait, "time", SimpleNamespace(sleep=seconds.append))
    return seconds


def places_left(places: WaitingPlaces) -> int:
    """Return how many places are free."""
    taken = 0
    while places.take_free():
        taken += 1
    for _ in range(taken):
        places.give_back()
    return taken


@contextmanager
def no_place_left(places: WaitingPlaces) -> Iterator[None]:
    """Take all places, and let nobody wait for one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waiting_places, "QUEUE_SECONDS", 0)
        for _ in range(MAX_PLACES):
            assert places.take_free()
        try:
            yield
        finally:
            for _ in range(MAX_PLACES):
                places.give_back()
