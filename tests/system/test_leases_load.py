"""However busy a token is, a process reads it once for each lease."""

import time
from collections.abc import Iterator

import pytest

from tests.system.cluster import Cluster, cluster
from tests.system.hammer import hammer

pytestmark = pytest.mark.long
PROCESSES = 2
LEASE = 0.2  # seconds
CLIENTS = 4
CALLS = 1500  # of each client


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("nodes")
    with cluster(folder, WEB_WORKERS=str(PROCESSES), WEB_THREADS="4") as made:
        made.start()
        yield made


def test_reads_do_not_grow_with_the_requests(nodes: Cluster) -> None:
    value = nodes.issue()
    ports = {nodes.nodes[0].port: PROCESSES}
    with hammer(ports, nodes.issue(), CLIENTS) as clients:
        began, before = time.monotonic(), nodes.reads()
        outcome = clients.around(value, time.monotonic, CALLS)
        seconds, reads = time.monotonic() - began, nodes.reads() - before
    requests = len(outcome.calls)
    assert outcome.before + outcome.after == {"200": requests}
    # The first lease begins at once. A busy machine makes more leases pass, and more reads right.
    assert reads <= PROCESSES * (seconds / LEASE + 1)
