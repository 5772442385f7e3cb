"""Clients that send slowly, without end, or nothing: the server answers all other clients."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests import databases
from tests.quicker import first_quickly
from tests.run import patience, until, within
from tests.server import Installation, Server

DEADLINE = 2  # seconds for a whole request
SLOW = 20  # clients; the server has eight threads
FORM = b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nCookie: csrftoken=%s\r\n" % (
    b"a" * 32
)
MULTIPART = FORM + b"Content-Type: multipart/form-data; boundary=b\r\n"
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="upload.bin"\r\n\r\n'
BEGINNINGS = {
    "nothing": b"",
    "request line": b"GET /accounts/login/ HT",
    "headers": b"GET /api/v1/token HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "body": FORM
    + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\na",
    "chunks": b"POST /api/v1/revoke HTTP/1.1\r\nHost: localhost\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n5\r\na",
    "next request": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    b"GET /accounts/login/ HTTP/1.1\r\nHos",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("slow")
    database = databases.sqlite(
        folder / "slow.sqlite3"
    )  # no query depends on how slowly a client sends
    with closing(Installation(folder, database, REQUEST_SECONDS=str(DEADLINE))) as installation:
        yield installation.server().start()


def connect(server: Server, sent: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=within(DEADLINE + 1))
    connection.sendall(sent)
    return connection


def status(server: Server, path: str) -> int:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=patience(1))) as connection:
        connection.request("GET", path)
        return connection.getresponse().status


def rest(connection: socket.socket) -> bytes:
    """What the server sends until it closes."""
    answer = b""
    try:
        while data := connection.recv(65536):
            answer += data
    except ConnectionResetError:
        pass
    return answer


@pytest.mark.parametrize("beginning", first_quickly(BEGINNINGS.values(), 3), ids=BEGINNINGS)
def test_slow_clients_hold_nobody_up_and_are_cut(server: Server, beginning: bytes) -> None:
    with ExitStack() as stack:
        began = time.monotonic()
        slow = [stack.enter_context(connect(server, beginning)) for _ in range(SLOW)]
        while time.monotonic() < began + DEADLINE / 2:
            assert [
                status(server, path) for path in ("/healthz", "/verify", "/accounts/login/")
            ] == [200, 401, 200]
            for connection in slow:
                if beginning:
                    connection.sendall(b"a")
        last = {
            rest(connection).rpartition(b"HTTP/1.1 ")[2].partition(b"\r\n")[0]
            for connection in slow
        }
        assert last == ({b"408 Request Timeout"} if beginning else {b""})


def test_a_client_that_does_not_close_holds_nobody_up(server: Server) -> None:
    """gunicorn's own loop waits two seconds for each client to close and serves nobody else."""
    last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with ExitStack() as stack:
        answered = [stack.enter_context(connect(server, last)) for _ in range(3 * SLOW)]
        assert status(server, "/healthz") == 200
        assert {connection.recv(12) for connection in answered} == {b"HTTP/1.1 200"}


def test_more_connections_than_the_server_takes_hold_nobody_up(server: Server) -> None:
    with ExitStack() as stack:
        for number in range(700):
            stack.enter_context(connect(server, b"" if number % 2 else BEGINNINGS["headers"]))
        assert status(server, "/healthz") == 200


def test_unfinished_bodies_share_so_much_memory(server: Server) -> None:
    head = (
        FORM
        + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 2600000\r\n\r\n"
    )
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(server, head)) for _ in range(40)]
        cut = 0
        for connection in slow:
            try:
                connection.sendall(b"a" * 2_500_000)
            except ConnectionError:
                cut += 1
        assert status(server, "/healthz") == 200
        cut += sum(rest(connection) == b"" for connection in slow)
        assert cut >= 10, "64 MB hold 26 of them"


def test_programs_do_not_wait_behind_pages(installation: Installation) -> None:
    server = installation.server().start(application="tests.system.blocking:application")
    pages = [
        threading.Thread(target=status, args=(server, "/accounts/login/")) for _ in range(SLOW)
    ]
    for page in pages:
        page.start()
    paths = ("/healthz", "/readyz", "/metrics", "/verify", "/verify/orders", "/api/v1/token")
    assert {status(server, path) for path in paths} == {200}
    assert any(page.is_alive() for page in pages)
    assert status(server, "/api/release") == 200
    for page in pages:
        page.join(patience(5))
        assert not page.is_alive()


# Uploads


def stored(server: Server) -> int:
    """Return how many bytes lie where the server writes temporary files."""
    return sum(path.stat().st_size for path in Path(server.folder).rglob("*") if path.is_file())


LENGTH = 300_000_000
FRAMED = {
    "with its length": (b"Content-Length: %d\r\n\r\n" % LENGTH, b"%s"),
    "in chunks": (b"Transfer-Encoding: chunked\r\n\r\n", b"fffff\r\n%s\r\n"),
}


@pytest.mark.parametrize(("framing", "chunk"), FRAMED.values(), ids=FRAMED)
def test_an_upload_of_300_megabytes_is_refused_and_not_stored(
    server: Server, framing: bytes, chunk: bytes
) -> None:
    before = stored(server)
    piece = (PART if b"ffff" not in chunk else b"") + b"x" * 0xFFFFF
    with connect(server, MULTIPART + framing) as connection:
        sent = 0
        while sent < LENGTH:
            try:
                connection.sendall(chunk % piece[:0xFFFFF])
            except ConnectionError:
                break
            sent += len(piece)
            assert stored(server) < before + 1_000_000
        answer = rest(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"This is too large" in answer
    assert b"Connection: close" in answer
    until(lambda: status(server, "/healthz"), OSError)


def test_a_client_that_asks_first_is_refused_before_it_sends(server: Server) -> None:
    for length, expected in ((LENGTH, b"413 "), (10, b"100 Continue\r\n\r\n")):
        with connect(
            server, MULTIPART + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % length
        ) as connection:
            assert connection.recv(1000).startswith(b"HTTP/1.1 " + expected)


def test_a_body_in_chunks_is_read(server: Server) -> None:
    """Django reads nothing of a body without a length; the HTTP API does."""
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=patience(3))) as connection:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        for body, expected in (
            (iter([b"token=", b"unknown"]), 200),
            (iter([b"x=", b"unknown"]), 400),
        ):
            connection.request("POST", "/api/v1/revoke", body, headers, encode_chunked=True)
            answer = connection.getresponse()
            assert (answer.status, answer.read()[:1]) == (expected, b"{")
