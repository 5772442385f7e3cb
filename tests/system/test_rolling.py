"""Upgrade and roll back two nodes behind each gateway under load: no client meets an error.

The exception: a node of the old release that stops may lose the requests that it works on.

The old release has no leases, and its answers to changes do not wait. So nodes of this release
have TOKEN_LEASES=off while a process of the old release runs, and a change on either node holds at
once.

tests/conftest.py leaves this file out where the clone lacks the old release's commit.
"""

import subprocess
import tarfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from io import BytesIO
from pathlib import Path

import pytest

from tests.run import ROOT
from tests.server import Installation, Server
from tests.services import PostgreSQL, Redis
from tests.system.backend import Backend
from tests.system.calls import call
from tests.system.load import GETS, POSTS, SETTINGS, Load, all_gateways, logs

OLD = "9cc2543"
REVOCATIONS = 5  # on each node, after each restart
MAX_LOST = 5  # requests of thousands, while nodes of the old release stop
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def old_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("old")
    archive = subprocess.run(
        ["git", "archive", OLD], cwd=ROOT, capture_output=True, check=True
    ).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """A PostgreSQL whose database is empty, and a Redis."""
    with ExitStack() as running:
        database = running.enter_context(closing(PostgreSQL())).start()
        counters = running.enter_context(closing(Redis())).start()
        settings = {"REDIS_URL": counters.url, "DRAIN_SECONDS": "4", **SETTINGS}
        yield running.enter_context(closing(Installation(tmp_path, database.url, **settings)))


def go_back(node: Server, old_code: Path) -> None:
    """Reverse the migrations that the old release lacks: test databases are made by this code."""
    for app in ("accounts", "config", "tokens"):
        names = sorted(path.stem for path in (old_code / app).glob("migrations/[0-9]*.py"))
        if (ROOT / app / "migrations").exists():
            node.manage("migrate", app, names[-1] if names else "zero")


def test_upgrade_and_roll_back(
    installation: Installation, old_code: Path, backend: Backend, tmp_path: Path
) -> None:
    nodes = [installation.server(), installation.server()]
    value = installation.issue(scopes=["tokens:introspect"])
    go_back(nodes[0], old_code)
    for node in nodes:
        node.root = old_code
    nodes[0].manage("collectstatic", "--no-input")
    for node in nodes:
        node.start()
    with all_gateways(tmp_path, nodes, backend.port) as gateways:
        with Load(gateways, value, GETS) as load:
            load.goes_on()
            installation.server().manage("migrate", "--no-input")
            move(nodes, ROOT, load, installation)
        # The old release does not drain, and so may lose what it works on when it stops.
        lost = Counter(status for count in load.refused().values() for status in count.elements())
        del lost["200"]
        assert all(status[:3] in {"502", "503"} for status in lost), logs(tmp_path)
        assert lost.total() <= MAX_LOST, logs(tmp_path)
        with Load(gateways, value, GETS | POSTS) as load:
            switch_leases(nodes, "on", load)
            check_revocations(nodes, installation)
            switch_leases(nodes, "off", load)
            move(nodes, old_code, load, installation)
        assert load.refused() == {}, logs(tmp_path)


def move(nodes: list[Server], code: Path, load: Load, installation: Installation) -> None:
    """Run `code` on one node after the other."""
    load.goes_on()
    for node in nodes:
        load.restart(node, code)
        check_revocations(nodes, installation)
    load.goes_on()


def switch_leases(nodes: list[Server], leases: str, load: Load) -> None:
    """Restart one node after the other with this TOKEN_LEASES."""
    for node in nodes:
        node.environment["TOKEN_LEASES"] = leases
        load.restart(node)


def check_revocations(nodes: list[Server], installation: Installation) -> None:
    """Check that what one node revokes, the other one refuses from the answer on."""
    for revoking, other in [nodes, nodes[::-1]] * REVOCATIONS:
        value = installation.issue()
        assert call(other.port, value).status == 200
        assert call(revoking.port, value, method="DELETE").status == 204
        assert call(other.port, value).code == "revoked_token"
