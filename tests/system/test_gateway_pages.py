"""Tokenry's pages behind gateways: Tokenry gets a request only after all of it has arrived."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.run import patience, until
from tests.system.backend import Backend
from tests.system.gateways import CLIENT, ELSEWHERE, PAGES, Gateway, named, running

HEAD = (
    f"POST /accounts/login/ HTTP/1.1\r\nHost: {PAGES}\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\n"
).encode()
FRAMED = {
    "with its length": (b"Content-Length: 7\r\n\r\na=b", b"&c=d"),
    "in chunks": (b"Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n", b"4\r\n&c=d\r\n0\r\n\r\n"),
}
SLOW = 5


@pytest.fixture
def tokenry() -> Iterator[Backend]:
    """In place of Tokenry: it lets everybody in, and tells what it hears."""
    with closing(Backend({"X-Auth-User": "7"})) as made:
        yield made


def heard(tokenry: Backend) -> list[str]:
    """Return the requests that began, without the gateways' own health checks."""
    return [request for request in tokenry.begun if request != "GET /readyz"]


@pytest.fixture
def gateway(name: str, tokenry: Backend, backend: Backend, tmp_path: Path) -> Iterator[Gateway]:
    with running(name, tmp_path, tokenry.port, backend.port, pages=True) as started:
        tokenry.begun.clear()
        yield started


@pytest.mark.parametrize(("beginning", "end"), FRAMED.values(), ids=FRAMED)
def test_a_slow_body_waits_at_the_gateway(
    gateway: Gateway, tokenry: Backend, beginning: bytes, end: bytes
) -> None:
    with ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port)))
            for _ in range(SLOW)
        ]
        for connection in slow:
            connection.sendall(HEAD + beginning)
        whole = stack.enter_context(
            closing(HTTPConnection("127.0.0.1", gateway.port, timeout=patience(3)))
        )
        whole.request("GET", "/healthz", headers={"Host": PAGES})
        assert whole.getresponse().status == 200
        assert heard(tokenry) == ["GET /healthz"]
        slow[0].sendall(end)

        def arrived() -> None:
            assert heard(tokenry) == ["GET /healthz", "POST /accounts/login/"]
            assert tokenry.received[-1]["body"] == "a=b&c=d"

        until(arrived, AssertionError)


def test_the_client_does_not_say_where_it_is(gateway: Gateway, tokenry: Backend) -> None:
    spoofed = [("Forwarded", f"for={ELSEWHERE};proto=https"), ("X-Forwarded-For", ELSEWHERE)]
    assert gateway.ask(f"http://{PAGES}/accounts/login/", *spoofed).status == 200
    [got] = [got for got in tokenry.received if got["path"] == "/accounts/login/"]
    assert named(got, "forwarded") == []
    assert named(got, "x-forwarded-proto") == ["http"]
    assert named(got, "x-forwarded-for") == [CLIENT]
