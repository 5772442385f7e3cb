"""Many changes at once through one process: some try again, and nobody else waits for them."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread

import httpx
import pytest

from tests.run import patience, until
from tests.system.calls import call
from tests.system.cluster import Cluster, cluster
from tests.system.hammer import hammer
from tests.system.scenes import Scene

pytestmark = pytest.mark.long
CHANGES = 50
FLOOD = 16  # programs, more than wait in one process
PAGES = 3
ANSWERS = 20  # of /verify and a view, while the changes are made
PAUSE = 0.1  # seconds before a program tries again; Retry-After would make the test long


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One node of one process."""
    folder = tmp_path_factory.mktemp("nodes")
    with cluster(folder, WEB_WORKERS="1", WEB_THREADS="4") as made:
        made.start()
        yield made


def check_refusal(status: int, code: str, retry_after: str | None) -> None:
    """Check the answer to a program for which no place was free."""
    assert (status, code) == (503, "unavailable")
    assert retry_after is not None
    assert int(retry_after) >= 1


def test_fifty_changes_at_once(nodes: Cluster) -> None:
    port, busy = nodes.nodes[0].port, nodes.issue()
    values = [nodes.issue() for _ in range(CHANGES)]
    refused = []
    pause = Event()

    def revoke(value: str) -> int:
        """Return the status once the change is made."""
        until = time.monotonic() + patience(60)
        while time.monotonic() < until:
            answer = call(port, value, method="DELETE", timeout=patience(20))
            if answer.status != 503:
                return answer.status
            check_refusal(answer.status, answer.code, answer.headers["Retry-After"])
            refused.append(value)
            pause.wait(PAUSE)
        raise AssertionError("there was never a place")

    def revoke_all() -> float:
        with ThreadPoolExecutor(CHANGES) as threads:
            assert set(threads.map(revoke, values)) == {204}
        return time.monotonic()

    began = time.monotonic()
    with hammer({port: 1}, busy, clients=2) as clients:
        outcome = clients.around(busy, revoke_all)
    assert refused
    meanwhile = [each for each in outcome.calls if began < each.began <= outcome.answered]
    assert len(meanwhile) >= ANSWERS
    assert {each.result for each in meanwhile} == {"200"}
    assert {call(port, value).code for value in values} == {"revoked_token"}


@contextmanager
def flood(change: Callable[[], httpx.Response]) -> Iterator[list[int]]:
    """Have FLOOD programs make changes without a pause. Yield the statuses that they get."""
    statuses: list[int] = []
    ended = Event()

    def work() -> None:
        while not ended.is_set():
            statuses.append(change().status_code)

    threads = [Thread(target=work) for _ in range(FLOOD)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        ended.set()
        for thread in threads:
            thread.join(patience(20))


def test_a_flood_of_programs_does_not_stop_a_person(nodes: Cluster) -> None:
    program = Scene(nodes)

    def rename() -> httpx.Response:
        return httpx.patch(
            f"{program.node.url}/api/v1/tokens/{program.identifier}",
            json={"name": "Renamed"},
            headers={"Authorization": f"Bearer {program.other}"},
            timeout=patience(20),
        )

    with flood(rename) as statuses:
        for _ in range(PAGES):
            person, before = Scene(nodes), len(statuses)

            def places_are_taken(before: int = before) -> None:
                assert 503 in statuses[before:]

            until(places_are_taken, AssertionError)
            person.own("revoke")
            assert "Too many changes" not in "".join(each.text for each in person.answers)
            assert call(person.node.port, person.value).code == "revoked_token"
    assert set(statuses) == {200, 503}
