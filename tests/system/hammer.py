"""Clients in processes of their own, which call every process of some nodes without a pause."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from itertools import count
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from tests.run import patience

REPORT, VERIFY = "/api/report", "/verify?scope=reports:read"
WARM = 3  # how often each client calls each process before the change
MAX_CONNECTIONS = 1000  # to one node, until each of its processes has accepted one


class Call(NamedTuple):
    """One request, its times on the clock that all processes share, and what came back."""

    began: float
    ended: float
    result: str  # a refusal's code, or the status


class Outcome(NamedTuple):
    """The calls around a change, by whether they began after the answer to it."""

    calls: list[Call]
    answered: float

    @property
    def before(self) -> Counter[str]:
        return Counter(call.result for call in self.calls if call.began <= self.answered)

    @property
    def after(self) -> Counter[str]:
        return Counter(call.result for call in self.calls if call.began > self.answered)

    @property
    def latest_admission(self) -> float:
        """Return how many seconds after the answer the last admitted request began, or 0."""
        began = [call.began for call in self.calls if call.result == "200"]
        return max(0, *(at - self.answered for at in began)) if began else 0


def ask(connection: HTTPConnection, value: str, path: str) -> tuple[str, Any]:
    """Return the code or the status of an answer, and its body."""
    connection.request("GET", path, headers={"Authorization": f"Bearer {value}"})
    answer = connection.getresponse()
    content = answer.read()
    body = json.loads(content) if content else {}
    return body.get("code") or str(answer.status), body


def connect(port: int, processes: int, value: str, seconds: float) -> list[HTTPConnection]:
    """Return a connection to each process of the node."""
    connections: dict[int, HTTPConnection] = {}
    for _ in range(MAX_CONNECTIONS):
        connection = HTTPConnection("127.0.0.1", port, timeout=seconds)
        result, body = ask(connection, value, REPORT)
        assert result == "200", body
        if connections.setdefault(body["process"], connection) is not connection:
            connection.close()
        if len(connections) == processes:
            return list(connections.values())
    raise AssertionError(f"only {len(connections)} of {processes} processes answer")


def work(orders: Connection, connections: list[HTTPConnection]) -> None:
    """Call around each change that the test orders."""
    while True:
        value, least = orders.recv()
        calls: list[Call] = []
        is_answered = False
        for number in count():
            turn, chosen = divmod(number, len(connections))
            if turn == WARM and not chosen:
                orders.send("warm")
            if not is_answered and orders.poll():
                is_answered = bool(orders.recv())
                least = max(least, number + least // 2)
            if is_answered and number >= least:
                break
            began = time.monotonic()
            result, _ = ask(connections[chosen], value, (REPORT, VERIFY)[turn % 2])
            calls.append(Call(began, time.monotonic(), result))
        orders.send(calls)


def client(orders: Connection, nodes: dict[int, int], value: str, seconds: float) -> None:
    """Be one client, in its own process, until the test closes its end of `orders`."""
    connections = [
        each for port, size in nodes.items() for each in connect(port, size, value, seconds)
    ]
    with suppress(EOFError, BrokenPipeError):
        work(orders, connections)


class Hammer:
    """The clients, each with one connection to each process."""

    def __init__(self, clients: list[Connection]) -> None:
        self.clients = clients

    def around(self, value: str, change: Callable[[], float], least: int = 0) -> Outcome:
        """Make a change while all clients call with `value`.

        `change` returns the time at which its answer arrived. Each client calls at least `least`
        times, and half as often after the change.
        """
        for orders in self.clients:
            orders.send((value, least))
        for _ in self.received():
            pass
        answered = change()
        for orders in self.clients:
            orders.send(True)
        return Outcome([call for calls in self.received() for call in calls], answered)

    def received(self) -> Iterable[Any]:
        """Yield what each client sends next."""
        for orders in self.clients:
            assert orders.poll(patience(60)), "a client ended, or waits for an answer"
            yield orders.recv()


@contextmanager
def hammer(nodes: dict[int, int], value: str, clients: int = 4) -> Iterator[Hammer]:
    """Run clients. `nodes` has the number of processes by port; all admit `value`."""
    context = get_context("spawn")
    ours, processes = [], []
    for _ in range(clients):
        here, there = context.Pipe()
        process = context.Process(target=client, args=(there, nodes, value, patience(10)))
        process.start()
        there.close()
        ours.append(here)
        processes.append(process)
    try:
        yield Hammer(ours)
    finally:
        for orders, process in zip(ours, processes, strict=True):
            orders.close()
            process.join(patience(10))
            process.kill()
