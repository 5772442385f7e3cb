"""A process that is stopped between reading a token and deciding leases nothing old afterwards."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.run import until
from tests.system.calls import call
from tests.system.cluster import Cluster, cluster

pytestmark = pytest.mark.long
STOPPING = "tests.system.stopping:application"
ASKED = "stop-after-the-next-read"  # the file for which that module looks
LATE = 4  # requests that wait while the process is stopped
AFTER = 20


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Cluster]:
    with cluster(tmp_path, WEB_WORKERS="1") as made:
        made.start(STOPPING)
        made.start()
        yield made


def state(process: int) -> str:
    """Return the state of a process: T if it is stopped."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_process_that_stopped_in_between(nodes: Cluster) -> None:
    stopped, other = nodes.nodes
    [process] = stopped.workers
    value = nodes.issue()

    def is_stopped() -> None:
        assert state(process) == "T"

    with ThreadPoolExecutor() as threads:
        Path(nodes.installation.folder, ASKED).touch()
        first = threads.submit(call, stopped.port, value)
        try:
            until(is_stopped, AssertionError)
            assert call(other.port, value, method="DELETE").status == 204
            late = [threads.submit(call, stopped.port, value) for _ in range(LATE)]
        finally:
            os.kill(process, signal.SIGCONT)
        # It began before the revocation, with the row as it was then.
        assert first.result().status == 200
        assert {each.result().code for each in late} == {"revoked_token"}
    assert {call(stopped.port, value).code for _ in range(AFTER)} == {"revoked_token"}
