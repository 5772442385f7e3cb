"""What the server's loop stores of requests, and how many wait for a thread, without threads."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from selectors import DefaultSelector
from typing import Any

import pytest
from gunicorn.config import Config

from config.server.sockets import READ_BYTES
from config.server.worker import (
    MAX_WAITING_BYTES,
    MAX_WAITING_PAGES,
    Connection,
    Worker,
)

PAGE = b"GET /accounts/login/ HTTP/1.1\r\nHost: x\r\n\r\n"
PROBE = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = (
    b"POST /api/v1/revoke HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n"
    + b"a" * 2_000_000
)


class Threads:
    """Stands for threads that read a request at once, and have answered it when they are told."""

    def __init__(self) -> None:
        self.futures: list[Future[bool]] = []

    def submit(self, _handle: Callable[..., bool], connection: Connection) -> "Future[bool]":
        next(connection.parser)
        self.futures.append(Future())
        return self.futures[-1]


class Loop:
    """A worker without a process."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.worker = Worker(0, 0, [], None, 30, Config(), None)
        stack.callback(self.worker.tmp.close)
        self.worker.poller = stack.enter_context(DefaultSelector())
        self.worker.method_queue.init()
        stack.callback(self.worker.method_queue.close)
        self.programs, self.pages = Threads(), Threads()
        self.worker.tpool = self.programs
        self.worker.page_threads = self.pages  # type: ignore[assignment]

    def receive(self, data: bytes) -> tuple[Any, socket.socket]:
        """Let a new client send `data`; return its connection, and its own end."""
        ours, theirs = socket.socketpair()
        self.stack.enter_context(ours)
        self.stack.enter_context(theirs)
        connection = Connection(self.worker.cfg, ours, ("192.0.2.1", 1), ("192.0.2.2", 80))
        self.worker.nr_conns += 1
        self.worker.wait(connection, 10, self.worker.receive)
        self.worker.add(connection, data)
        return connection, theirs

    def finish(self, future: "Future[bool]", *, keep: bool = True) -> None:
        future.set_result(keep)
        self.worker.method_queue.run_callbacks(None)


@pytest.fixture
def loop() -> Iterator[Loop]:
    with ExitStack() as stack:
        yield Loop(stack)


@pytest.mark.parametrize("keep", [True, False])
def test_a_connection_keeps_nothing_of_what_is_answered(loop: Loop, keep: bool) -> None:
    connection, _ = loop.receive(LARGE)
    assert loop.worker.waiting_bytes == len(LARGE)
    assert len(connection.parser.mesg.body.read()) == 2_000_000
    loop.finish(loop.programs.futures[0], keep=keep)
    assert loop.worker.waiting_bytes == 0
    parser = connection.parser
    held = (
        parser.mesg,
        bytes(parser.arrival.data),
        parser.unreader.buf.getvalue(),
        parser.unreader.source.getvalue(),
    )
    assert held == (None, b"", b"", b"")
    assert len(loop.worker.waiting) == (not keep)


def test_what_came_behind_a_request_is_the_next(loop: Loop) -> None:
    loop.receive(PROBE + PROBE + PROBE[:9])
    for count in (1, 2):
        assert len(loop.programs.futures) == count
        loop.finish(loop.programs.futures[-1])
    assert (len(loop.programs.futures), loop.worker.waiting_bytes) == (2, 9)


def test_whole_requests_share_the_memory_too_until_they_are_answered(loop: Loop) -> None:
    for _ in range(50):
        loop.receive(LARGE)
    assert len(loop.programs.futures) == MAX_WAITING_BYTES // len(LARGE)
    assert loop.worker.nr_conns == len(loop.programs.futures)
    assert loop.worker.waiting_bytes <= MAX_WAITING_BYTES
    loop.receive(LARGE[:READ_BYTES])
    loop.receive(PROBE)
    assert len(loop.programs.futures) == MAX_WAITING_BYTES // len(LARGE) + 1, (
        "what is small is answered still"
    )
    for future in list(loop.programs.futures):
        loop.finish(future)
    assert loop.worker.waiting_bytes == READ_BYTES


def test_so_many_pages_wait_and_programs_never_behind_them(loop: Loop) -> None:
    most = loop.worker.cfg.threads + MAX_WAITING_PAGES
    for _ in range(most):
        loop.receive(PAGE)
    connection, client = loop.receive(PAGE + PAGE)
    head, _, body = client.recv(1000).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert {b"Retry-After: 1", b"Connection: close", b"Content-Length: %d" % len(body)} <= set(
        head.split(b"\r\n")
    )
    assert client.recv(1) == b"", "nothing more follows"
    assert loop.worker.waiting == {connection}, "until the client closes"
    assert loop.worker.waiting_bytes == most * len(PAGE)
    loop.receive(PROBE)
    assert (len(loop.pages.futures), len(loop.programs.futures)) == (most, 1)
    for future in list(loop.pages.futures):
        loop.finish(future)
    loop.finish(loop.programs.futures[0])
    assert loop.worker.pages == 0
    loop.receive(PAGE)
    assert len(loop.pages.futures) == most + 1
