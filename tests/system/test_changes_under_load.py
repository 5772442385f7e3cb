"""Two nodes, restarted in turn, change the pepper and the prefix, and no client meets an error."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from itertools import cycle
from threading import Event, Thread

import httpx
import pytest

from tests.run import patience, until
from tests.server import Server
from tests.system.calls import call
from tests.system.conftest import Site, Sites

pytestmark = pytest.mark.long
CLIENTS = 3
OLD, NEW = f"1:{'p' * 40}", f"2:{'q' * 40}"


def result(value: str, servers: list[Server]) -> str:
    """Return an answer's code or status, from the next node while a node restarts."""
    for server in servers:
        with suppress(OSError, HTTPException):
            answer = call(server.port, value)
            return answer.code or str(answer.status)
    return "no node answered"


class Nodes:
    """Two servers on one database, and programs that call them."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.servers = [site.server, site.installation.server().start()]
        self.values = [site.console.issue(scopes=("tokens:write",)) for _ in range(CLIENTS)]
        self.answers: Counter[str] = Counter()
        self._rounds = [0] * CLIENTS
        self._stopping = Event()

    @contextmanager
    def loaded(self) -> Iterator[None]:
        """Have CLIENTS programs call without a pause, and see at the end that none was refused."""
        threads = [Thread(target=self._call, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            for thread in threads:
                thread.join()
        assert set(self.answers) == {"200"}
        assert self.answers["200"] > 100

    def _call(self, number: int) -> None:
        """Send all tokens to the nodes in turn; every second client starts at the second node."""
        orders = cycle([self.servers, self.servers[::-1]][:: (-1) ** number])
        while not self._stopping.is_set():
            for value in list(self.values):
                self.answers[result(value, next(orders))] += 1
            self._rounds[number] += 1

    def use_only(self, values: list[str]) -> None:
        """Have programs call with `values` alone, and wait until none uses another."""
        self.values = values
        before = list(self._rounds)

        def all_went_on() -> None:
            assert all(now > then for now, then in zip(self._rounds, before, strict=True))

        until(all_went_on, AssertionError)

    def set(self, *, serve: bool = False, **settings: str) -> None:
        """Give each node `settings`, in turn. Check that both nodes accept each other's tokens.

        With `serve` the start checks, slowly, that no working token needs what the settings lack.
        """
        for server in self.servers:
            server.stop()
            server.environment |= settings
            server.start(serve=serve)
            for maker in self.servers:
                self.values.append(self._made(maker))

    def _made(self, maker: Server) -> str:
        """Return the value of a new token of that node, which the other node took at once."""
        headers = {"Authorization": f"Bearer {self.values[0]}"}
        answer = httpx.post(
            f"{maker.url}/api/v1/tokens", json={"name": "New", "scopes": ["tokens:write"]},
            headers=headers, timeout=patience(5),
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
        value = str(answer.json()["token"])
        assert [result(value, [server]) for server in self.servers] == ["200", "200"]
        return value


@pytest.fixture(params=[True, False], ids=["PostgreSQL", "SQLite"])
def nodes(request: pytest.FixtureRequest, sites: Sites) -> Nodes:
    """Run without Redis: a busy machine's slow Redis would be answered with 503."""
    return Nodes(
        sites(postgresql=request.param, TOKEN_PEPPERS=OLD, TOKEN_RATE_LIMIT="1000000/hour")
    )


def usable(server: Server) -> dict[int, int]:
    """Return how many tokens that work use each pepper."""
    return {
        row["pepper"]: row["usable"]
        for row in json.loads(server.manage("rehash_report", "--json"))
    }


def test_the_pepper(nodes: Nodes) -> None:
    server = nodes.servers[0]
    with nodes.loaded():
        nodes.set(TOKEN_PEPPERS=f"{NEW},{OLD}", TOKEN_PEPPER_CURRENT="1")
        assert usable(server)[2] == 0
        nodes.set(TOKEN_PEPPER_CURRENT="")

        def all_moved() -> None:
            assert usable(server)[1] == 0

        until(all_moved, AssertionError)
        nodes.set(TOKEN_PEPPERS=NEW, serve=True)


def test_the_prefix(nodes: Nodes) -> None:
    with nodes.loaded():
        nodes.set(TOKEN_PREFIX="tkn,acme")
        assert {value[:4] for value in nodes.values} == {"tkn_"}
        nodes.set(TOKEN_PREFIX="acme,tkn")
        old = [value for value in nodes.values if value.startswith("tkn_")]
        nodes.use_only([value for value in nodes.values if value.startswith("acme_")])
        nodes.servers[0].manage("token", "revoke", *[value[:24] for value in old])
        nodes.set(TOKEN_PREFIX="acme", serve=True)
