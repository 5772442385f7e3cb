"""Two nodes on a PostgreSQL with fewer connections than they would open: each has its share."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.server import Installation, Server
from tests.services import PostgreSQL
from tests.system.calls import call

pytestmark = pytest.mark.long
CALLS = 200


def rush(server: Server, value: str) -> Counter[int]:
    """Return the statuses of many requests from twice as many threads as the node has."""
    with ThreadPoolExecutor(16) as pool:
        return Counter(pool.map(lambda _: call(server.port, value).status, range(CALLS)))


def test_no_node_takes_all_connections(tmp_path: Path) -> None:
    with (
        closing(PostgreSQL(max_connections="10", superuser_reserved_connections="0")) as database,
        closing(Installation(tmp_path, database.start().url, WEB_THREADS="8")) as installation,
    ):
        value = installation.issue(rate_limit="1000000/hour")
        first = installation.server().start(serve=True)
        assert "PostgreSQL takes 10 connections from everybody together" in first.log.read_text()
        assert rush(first, value)[200] > CALLS / 2  # it has had reason to open them all
        second = installation.server().start()
        with ThreadPoolExecutor(2) as both:
            answers = list(both.map(lambda server: rush(server, value), (first, second)))
        for answer in [*answers, rush(second, value)]:
            assert answer.keys() <= {200, 503}
            assert answer[200] > CALLS / 2
