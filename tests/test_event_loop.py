"""The loop of a browser test does not disturb other tests."""

import asyncio

import pytest
from asgiref.sync import async_to_sync
from django.db import connections

from tests.event_loop import without_running_loop


async def answer() -> int:
    return 42


def test_a_loop_that_runs_is_hidden_and_comes_back() -> None:
    async def in_a_loop() -> None:
        loop = asyncio.get_running_loop()
        with pytest.raises(RuntimeError):
            async_to_sync(answer)()
        with without_running_loop():
            assert async_to_sync(answer)() == 42
        assert asyncio.get_running_loop() is loop

    asyncio.run(in_a_loop())


def test_a_thread_has_the_same_connection_with_and_without_a_loop() -> None:
    async def in_a_loop() -> None:
        assert connections["default"] is before

    before = connections["default"]
    asyncio.run(in_a_loop())
