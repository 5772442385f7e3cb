"""Hide the event loop of the browser tests from the other tests of the same process.

After a browser test, Playwright's loop goes on in the main thread of the process. Then
`asyncio.run` refuses to start another loop there, and Django refuses to call an async view.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connections

# NOTE: While a loop runs in a thread, Django uses other connections to the database there than
# before. Playwright's loop begins between two tests or within one. Then the transaction around a
# test would end on another connection than the one on which it began, and every later test of the
# process would wait for its lock: "database is locked". So each thread has the same connections
# with and without a loop. The attribute is no public API; tests/test_event_loop.py fails if it
# moves.
connections._connections = threading.local()  # type: ignore[attr-defined]  # not in the stubs


@contextmanager
def without_running_loop() -> Iterator[None]:
    """Let asyncio believe that no loop runs in this thread.

    Both functions are there for the authors of event loops, so asyncio does not document them.
    """
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)


@pytest.fixture(autouse=True)
def no_loop_of_a_browser(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hide the loop from each test that uses no browser."""
    if request.node.get_closest_marker("browser"):
        yield
    else:
        with without_running_loop():
            yield
