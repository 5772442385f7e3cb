"""No process admits a request that began after the answer to a change of its token.

TOKENRY_STRICTNESS=full makes 200 changes under 200,000 requests, which takes some minutes.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

import httpx
import pytest

from tests.run import patience
from tests.server import Server
from tests.system.cluster import Cluster, cluster
from tests.system.hammer import Hammer, Outcome, hammer
from tests.system.scenes import CHANGES, REVOKED, Scene

pytestmark = pytest.mark.long
IS_FULL = os.environ.get("TOKENRY_STRICTNESS") == "full"
NUMBER = 200 if IS_FULL else len(CHANGES)
CLIENTS = 4
CALLS = 250 if IS_FULL else 40  # of each client, around each change
PROCESSES = 4
UNWAITED = "tests.system.unwaited:application"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two nodes of four processes each."""
    folder = tmp_path_factory.mktemp("nodes")
    with cluster(folder, WEB_WORKERS=str(PROCESSES)) as made:
        made.start()
        made.start()
        yield made


@pytest.fixture(scope="module")
def clients(nodes: Cluster) -> Iterator[Hammer]:
    ports = {node.port: PROCESSES for node in nodes.nodes}
    with hammer(ports, nodes.issue(), CLIENTS) as started:
        yield started


def report(line: str) -> None:
    """Write a line for `pytest -s`."""
    sys.stderr.write(f"{line}\n")


def timed(make: Callable[[Scene], None], scene: Scene) -> Callable[[], float]:
    """Return a function that makes the change and returns the time at which it was answered."""

    def change() -> float:
        make(scene)
        return time.monotonic()

    return change


def check(outcome: Outcome, code: str, admitted: int = 0) -> None:
    """Check that the clients were admitted before the answer, and refused after it.

    A busy machine's PostgreSQL or Redis may be slow, which is answered with `unavailable`.
    """
    assert outcome.before["200"], outcome.before
    assert outcome.after["200"] <= admitted, (outcome.after, outcome.latest_admission)
    assert outcome.after[code], outcome.after
    assert outcome.after.keys() <= {code, "200", "unavailable"}
    assert outcome.before.keys() <= {code, "200", "unavailable"}


def test_nothing_is_admitted_after_the_answer(nodes: Cluster, clients: Hammer) -> None:
    reads, requests = nodes.reads(), 0
    for number, (name, change) in enumerate(islice(cycle(CHANGES.items()), NUMBER)):
        nodes.offer_scope(change.group)
        scene = Scene(nodes)
        scene.node = nodes.nodes[number % 2]
        outcome = clients.around(scene.value, timed(change.make, scene), CALLS)
        report(f"{name}: {len(outcome.calls)} requests, after the answer {dict(outcome.after)}")
        check(outcome, change.code, change.admitted)
        requests += len(outcome.calls)
    nodes.offer_scope()
    assert requests >= NUMBER * CLIENTS * CALLS
    # Otherwise nothing was leased, and the test has proved nothing.
    reads = nodes.reads() - reads
    report(f"{requests} requests, {reads} reads of tokens")
    assert reads < requests / 2


def twice(scene: Scene, nodes: list[Server]) -> Callable[[], float]:
    """Return a function that revokes the token on two nodes at once, by its value.

    The function returns the time of the first answer.
    """

    def revoke(node: Server) -> float:
        form = {"token": scene.value}
        answer = httpx.post(f"{node.url}/api/v1/revoke", data=form, timeout=patience(10))
        assert answer.status_code == 200
        return time.monotonic()

    def change() -> float:
        with ThreadPoolExecutor() as threads:
            return min(threads.map(revoke, nodes))

    return change


def test_two_revocations_at_once(nodes: Cluster, clients: Hammer) -> None:
    """The answer to each of them holds, also to the one that found nothing left to do."""
    for _ in range(5):
        scene = Scene(nodes)
        check(clients.around(scene.value, twice(scene, nodes.nodes), CALLS), REVOKED)


def test_a_node_without_leases_waits_too(nodes: Cluster, clients: Hammer) -> None:
    """The nodes under load have leases, and a third one makes the change."""
    other = nodes.start(TOKEN_LEASES="off", WEB_WORKERS="1")
    for name in ("page: revoke", "API: revoke", "API: fewer scopes", "admin: revoke"):
        scene, change = Scene(nodes), CHANGES[name]
        scene.node = other
        check(clients.around(scene.value, timed(change.make, scene), CALLS), change.code)
    nodes.nodes.pop().stop()


def test_without_the_wait_some_are_admitted(nodes: Cluster, clients: Hammer) -> None:
    """Prove that the tests above can fail."""
    unwaited = nodes.start(UNWAITED, WEB_WORKERS="1")
    admitted, latest = 0, 0.0
    for name in ("page: revoke", "API: revoke", "API: fewer scopes", "admin: revoke") * 2:
        scene, change = Scene(nodes), CHANGES[name]
        scene.node = unwaited
        outcome = clients.around(scene.value, timed(change.make, scene), CALLS)
        admitted += outcome.after["200"]
        latest = max(latest, outcome.latest_admission)
    nodes.nodes.pop().stop()
    report(f"{admitted} admitted after the answer, the last {latest:.3f} s after it")
    assert admitted
