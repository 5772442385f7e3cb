"""Hide the event loop of the browser tests from the other tests of the same process.

After a browser test, Playwright's loop goes on in the main thread of the process. Then
`asyncio.run` refuses to start another loop there, and Django refuses to call an async view.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


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
