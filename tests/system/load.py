"""Programs and people that ask two nodes again and again, through every gateway at once."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPException
from pathlib import Path

from tests.run import ROOT, lock, until
from tests.server import Server
from tests.system.gateways import FILES, PAGES, Gateway, Reply, bearer, running

SITE = f"http://{PAGES}"
SETTINGS = {
    "TRUSTED_PROXIES": "127.0.0.1/32",
    "SITE_URL": SITE,
    "TOKEN_RATE_LIMIT": "1000000/hour",
}  # of the nodes
FORM = ("Content-Type", "application/x-www-form-urlencoded")
PAUSE = 0.02  # seconds between two requests of a client, which leaves the processor to the servers
BETWEEN = 20  # answers to each client before the next change

Ask = Callable[[Gateway, str, str], Reply]  # with a token, from an address
GETS: dict[str, Ask] = {
    "a service behind /verify": lambda gateway, value, source: gateway.ask(
        "/", bearer(value), source=source
    ),
    "a page": lambda gateway, _, source: gateway.ask(f"{SITE}/accounts/login/", source=source),
    "the API": lambda gateway, value, source: gateway.ask(
        f"{SITE}/api/v1/token", bearer(value), source=source
    ),
}
POSTS: dict[str, Ask] = {
    "a POST behind /verify": lambda gateway, value, source: gateway.ask(
        "/", bearer(value), method="POST", body=b"content", source=source
    ),
    "a POST to the API": lambda gateway, value, source: gateway.ask(
        f"{SITE}/api/v1/introspect",
        bearer(value),
        FORM,
        method="POST",
        body=f"token={value}".encode(),
        source=source,
    ),
}


def logs(folder: Path) -> str:
    """Return what gateways and servers wrote below `folder`."""
    return "\n".join(
        path.read_text() for path in sorted([*folder.rglob("log"), *folder.rglob("*.log")])
    )


@contextmanager
def all_gateways(folder: Path, nodes: list[Server], backend: int) -> Iterator[list[Gateway]]:
    """Run each gateway in front of both nodes, in a folder of its own.

    Only one test of a run does this at a time: under more load, checks of ready nodes time out.
    """
    first, second = nodes
    with lock("gateways"), ExitStack() as stack:
        gateways = []
        for name in FILES:
            (own := folder / name).mkdir()
            gateway = running(name, own, first.port, backend, second=second.port, pages=True)
            gateways.append(stack.enter_context(gateway))
        yield gateways


class Load:
    """Clients, one for each gateway and kind of request, each with its own address.

    `answers` counts their answers.
    """

    def __init__(self, gateways: list[Gateway], value: str, kinds: dict[str, Ask]) -> None:
        self.value = value
        self.ended = threading.Event()
        self.answers: dict[str, Counter[str]] = {}
        self.programs: set[str] = set()  # addresses that a node logs
        self.threads = []
        for gateway in gateways:
            for kind, ask in kinds.items():
                count = self.answers[f"{gateway.name}: {kind}"] = Counter()
                source = f"127.0.1.{len(self.answers)}"
                self.threads.append(
                    threading.Thread(target=self.call, args=[count, gateway, ask, source])
                )
                if kind != "a page":
                    self.programs.add(source)

    def call(self, count: Counter[str], gateway: Gateway, ask: Ask, source: str) -> None:
        while not self.ended.wait(PAUSE):
            try:
                reply = ask(gateway, self.value, source)
                count["200" if reply.status == 200 else f"{reply.status} {reply.body}"] += 1
            except (OSError, HTTPException) as error:
                count[repr(error)] += 1

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def goes_on(self) -> None:
        """Return once each client has had some more answers."""
        before = {kind: count.total() for kind, count in self.answers.items()}

        def more() -> None:
            assert all(
                count.total() >= before[kind] + BETWEEN for kind, count in self.answers.items()
            )

        until(more, AssertionError, seconds=20)

    def restart(self, node: Server, code: Path = ROOT) -> None:
        """Restart `node` with the code in that folder, and wait until each gateway uses the node.

        Until then a gateway may think that no node is there, if the next one begins to stop.
        """
        node.stop()
        self.goes_on()
        node.root = code
        before = node.log.stat().st_size
        node.start()

        def reached() -> None:
            with node.log.open() as log:
                log.seek(before)
                lines = log.read()
            assert all(f'"{address}"' in lines for address in self.programs)

        until(reached, AssertionError, seconds=20)

    def refused(self) -> dict[str, Counter[str]]:
        """Return what clients got beside 200."""
        return {kind: count for kind, count in self.answers.items() if set(count) != {"200"}}
