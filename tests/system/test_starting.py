"""A server that starts: nobody waits for a worker that still loads the application."""

import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import pytest

from tests.run import until
from tests.server import Installation


def test_a_server_takes_no_connection_before_it_can_answer(installation: Installation) -> None:
    """A gateway asks another node at once when a connection is refused."""
    server = installation.server()
    starts = Thread(target=server.start, kwargs={"application": "tests.system.loading"})
    starts.start()
    until((server.folder / "loading").stat, FileNotFoundError)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))
    assert "Tokenry is at" not in server.log.read_text()
    (server.folder / "may-end-loading").touch()
    starts.join()
    assert server.is_ready()
    assert server.log.read_text().count("Tokenry is at") == 1
    assert server.stop() == 0


def test_a_port_that_was_taken_while_the_server_loaded(installation: Installation) -> None:
    """Until the server listens, another program can take its port."""
    server = installation.server()
    starts = ThreadPoolExecutor(1).submit(server.start, application="tests.system.loading")
    until((server.folder / "loading").stat, FileNotFoundError)
    with socket.create_server(("127.0.0.1", server.port)):
        (server.folder / "may-end-loading").touch()
        with pytest.raises(AssertionError, match="can't listen there: Address already in use"):
            starts.result()
        assert "Traceback" not in server.log.read_text()
