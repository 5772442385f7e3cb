"""SIGTERM: unready at once, stopped later, no connection reset. SIGINT stops at once. SIGHUP."""

import signal
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from threading import Event, Thread

import pytest

from tests.run import patience, until
from tests.server import Installation, Server

DRAIN = 3


def client(server: Server) -> HTTPConnection:
    return HTTPConnection("127.0.0.1", server.port, timeout=patience(3))


def ask(connection: HTTPConnection, path: str = "/healthz") -> HTTPResponse:
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return answer


@pytest.fixture
def server(installation: Installation) -> Iterator[Server]:
    """A server that drains for some seconds."""
    server = installation.server()
    server.environment["DRAIN_SECONDS"] = str(DRAIN)
    yield server.start()
    server.kill()


def send(server: Server, how: signal.Signals) -> float:
    assert server.process
    server.process.send_signal(how)
    return time.monotonic()


def check_unready(server: Server) -> None:
    connection = client(server)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (503, b"stopping\n")
        assert answer.headers["Connection"] == "close"
    finally:
        connection.close()


def test_it_serves_on_while_it_is_unready(server: Server) -> None:
    kept = client(server)
    assert ask(kept).headers["Connection"] == "keep-alive"
    began = send(server, signal.SIGTERM)
    until(lambda: check_unready(server), AssertionError)
    send(server, signal.SIGTERM)  # changes nothing
    answer = ask(kept)
    assert (answer.status, answer.headers["Connection"]) == (200, "close")
    with closing(client(server)) as new:
        answer = ask(new, "/accounts/login/")
    assert (answer.status, answer.headers["Connection"]) == (200, "close")
    kept.close()
    assert server.process
    assert server.process.wait(patience(20)) == 0
    assert time.monotonic() - began >= DRAIN


def test_ctrl_c_ends_the_draining(installation: Installation) -> None:
    server = installation.server()
    server.environment["DRAIN_SECONDS"] = "3600"
    server.start()
    send(server, signal.SIGTERM)
    until(lambda: check_unready(server), AssertionError)
    assert server.stop(signal.SIGINT) == 0


def test_no_client_meets_a_reset(installation: Installation) -> None:
    """Answer each open connection, then refuse new connections, even without draining.

    The kernel may reset a connection that comes in the microseconds between the server's last
    `accept` and its `close`. DRAIN_SECONDS is for gateways that must not see even this.
    """
    server = installation.server().start()
    met: list[BaseException] = []
    under_way = [Event() for _ in range(6)]

    def hammer(mine: Event) -> None:
        connection = client(server)
        try:
            while True:
                assert ask(connection).status == 200
                mine.set()
        except OSError as error:
            met.append(error)
        finally:
            connection.close()

    threads = [Thread(target=hammer, args=[mine]) for mine in under_way]
    for thread in threads:
        thread.start()
    for mine in under_way:
        assert mine.wait(patience(5))
    assert server.stop() == 0
    for thread in threads:
        thread.join(patience(5))
    refused = [error for error in met if type(error) is ConnectionRefusedError]
    assert (len(met), len(refused) >= 5) == (6, True), met


def test_sighup_replaces_the_processes_and_nobody_notices(server: Server) -> None:
    old = server.workers
    ended = Event()
    statuses: list[tuple[int, int]] = []

    def hammer() -> None:
        while not ended.is_set():
            with closing(client(server)) as connection, closing(client(server)) as another:
                statuses.append((ask(connection).status, ask(another, "/readyz").status))

    threads = [Thread(target=hammer) for _ in range(2)]
    for thread in threads:
        thread.start()
    send(server, signal.SIGHUP)

    def is_replaced() -> None:
        assert not set(old) & set(server.workers)
        assert server.workers

    until(is_replaced, AssertionError)
    ended.set()
    for thread in threads:
        thread.join(patience(5))
    assert set(statuses) == {(200, 200)}
    assert server.stop() == 0
