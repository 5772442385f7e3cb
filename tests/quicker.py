"""Make test runs quicker: the order of the files, fewer cases, less garbage collection."""

import gc
from collections.abc import Iterable
from typing import Any

import pytest

SLOW_FOLDERS = {"browser", "system"}


def first_quickly(cases: Iterable[Any], quick: int) -> list[Any]:
    """Return cases for `parametrize`: the first `quick` of them, and the others marked as long."""
    return [
        case if number < quick else pytest.param(case, marks=pytest.mark.long)
        for number, case in enumerate(cases)
    ]


@pytest.hookimpl(trylast=True)  # after pytest-randomly has shuffled the files
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that start servers or browsers first, because they take longest.

    Each worker runs whole files. With such a file at the end, the other workers would wait for it.
    Keep the order within the slow files and within all others.
    """
    items.sort(key=lambda item: SLOW_FOLDERS.isdisjoint(item.path.parts))


def pytest_collection_finish() -> None:
    """Look less often for garbage, and never at the tests themselves: 10 % less time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
