"""Run the files that start servers or browsers first, because they take longest.

Each worker runs whole files. With such a file at the end, the other workers would wait for it.
"""

import pytest

SLOW_FOLDERS = {"browser", "system"}


@pytest.hookimpl(trylast=True)  # after pytest-randomly has shuffled the files
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests, but keep the order within the slow files and within all others."""
    items.sort(key=lambda item: SLOW_FOLDERS.isdisjoint(item.path.parts))
