"""gunicorn's threaded worker, in which no thread waits for a client.

In gunicorn's own, a thread reads each request from its socket, and the loop that accepts connections waits up to two
seconds for each to close: as many slow clients as there are threads stop the server. Here the loop only takes what is
there. It reads all requests side by side, none for longer than REQUEST_SECONDS, and a thread gets one that is whole.
Pages have threads of their own, so that programs and probes never wait behind pages.
"""

import socket
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from config import settings
from config.arrival import Arrival
from config.parser import MAX_BODY, Parser, Unreadable

MAX_WAITING_BYTES = 64 * 1_048_576  # of all requests that are not answered yet
READ_BYTES = 65_536  # at once, of one connection
MAX_WAITING_PAGES = 64  # requests, beyond those that threads answer
LINGER_SECONDS = 2  # in which a client that still sends can read its last answer
SWEEP_SECONDS = 0.25
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 54\r\n\r\nToo many pages are asked for at once. Ask again soon.\n"
)
TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Connection(TConn):  # type: ignore[misc]
    """A client's, with what it has sent of its next request."""

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any) -> None:
        super().__init__(cfg, sock, client, server)
        self.parser = Parser(cfg, client)
        self.initialized = self.data_ready = True  # a thread has nothing to wait for
        self.arrival = Arrival(MAX_BODY)
        self.held_bytes = 0  # of requests that are not answered yet
        self.is_idle = self.is_page = False


class Worker(ThreadWorker):  # type: ignore[misc]
    """A process that answers requests: one loop for all sockets, threads for programs, and as many for pages.

    A connection is with a thread, or the loop waits until its `timeout`: idle (in `keepalived_conns`), or for the rest
    of a request or the end of the connection (in `waiting`).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting: set[Connection] = set()
        self.waiting_bytes = self.pages = 0  # `pages` wait for a thread, or are with one
        self.swept_at = 0.0

    def get_thread_pool(self) -> ThreadPoolExecutor:
        self.page_threads = ThreadPoolExecutor(self.cfg.threads, "page")
        return ThreadPoolExecutor(self.cfg.threads, "program")

    def accept(self, listener: socket.socket) -> None:
        """Take a connection that a client has opened."""
        try:
            sock, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:  # the process has as many files open as it may
            self.make_room()
            return
        self.nr_conns += 1
        connection = Connection(self.cfg, sock, client, listener.getsockname())
        self.wait(connection, settings.REQUEST_SECONDS, self.receive)
        self.receive(connection)
        if self.nr_conns >= self.worker_connections:
            self.make_room()

    def make_room(self) -> None:
        """Close the connection that was waited for longest."""
        if self.waiting:
            self.drop(min(self.waiting, key=lambda connection: connection.timeout))
        elif self.keepalived_conns:
            self.keepalived_conns[0].timeout = 0
            self.murder_keepalived()

    def wait(self, connection: Connection, seconds: float, receive: Callable[..., None]) -> None:
        """Call `receive` whenever something comes; give up after so many seconds."""
        self.wait_no_longer_than(connection, seconds)
        self.poller.register(connection.sock, EVENT_READ, partial(receive, connection))

    def wait_no_longer_than(self, connection: Connection, seconds: float) -> None:
        connection.timeout = time.monotonic() + seconds
        self.waiting.add(connection)

    def receive(self, connection: Connection, _: Any = None) -> None:
        """Take what has come of a request. The first bytes begin its time."""
        data = received(connection.sock)
        if data is None:
            return
        if connection.is_idle:
            connection.is_idle = False
            self.keepalived_conns.remove(connection)
            self.wait_no_longer_than(connection, settings.REQUEST_SECONDS)
        if data:
            self.add(connection, data)
        else:
            self.drop(connection)

    def add(self, connection: Connection, data: bytes) -> None:
        """Add to what is here of a request, and give it to a thread once it is whole."""
        arrival = connection.arrival
        had_head = arrival.has_head
        arrival.add(data)
        connection.held_bytes += len(data)
        self.waiting_bytes += len(data)
        if self.waiting_bytes > MAX_WAITING_BYTES:
            self.save_memory()
        if connection not in self.waiting:
            return
        if arrival.is_whole:
            self.leave(connection)
            self.enqueue_req(connection)
        elif not had_head and arrival.expects_continue():
            send(connection.sock, CONTINUE)

    def save_memory(self) -> None:
        """Close the connection that is waited for and has sent most; what comes at once takes little, and is taken."""
        largest = max(self.waiting, key=lambda waiting: waiting.held_bytes)
        if largest.held_bytes > READ_BYTES:
            self.drop(largest)

    def enqueue_req(self, conn: Connection) -> None:
        """Have a thread answer the request that is here, unless too many pages wait for one."""
        arrival, conn.arrival = conn.arrival, Arrival(MAX_BODY)
        conn.is_page = not arrival.is_of_program()
        if conn.is_page and self.pages >= self.cfg.threads + MAX_WAITING_PAGES:
            self.forget_bytes(conn)
            send(conn.sock, BUSY)
            self.linger(conn)
            return
        self.pages += conn.is_page
        conn.parser.feed(arrival)
        threads = self.page_threads if conn.is_page else self.tpool
        answered = threads.submit(self.handle, conn)
        answered.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def handle_request(self, req: Any, conn: Connection) -> bool:
        """Answer, in a thread; a client that does not take the answer (SO_SNDTIMEO) loses it."""
        try:
            return bool(super().handle_request(req, conn))
        except BlockingIOError:
            return False

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer what the parser refuses as a problem, in place of gunicorn's page."""
        if isinstance(exc, Unreadable):
            from config.unreadable import answer  # which needs the application, loaded by now

            with suppress(OSError):
                client.sendall(answer(exc, addr[0]))
        else:
            super().handle_error(req, client, addr, exc)

    def finish_request(self, conn: Connection, fs: "Future[bool]") -> None:
        """Wait for the next request, of which some may be here already, or for the client to close."""
        self.pages -= conn.is_page
        self.forget_bytes(conn)
        rest = conn.parser.end()
        if fs.exception() or not fs.result():
            self.linger(conn)
            return
        conn.sock.setblocking(False)
        if rest:
            self.wait(conn, settings.REQUEST_SECONDS, self.receive)
            self.add(conn, rest)
            return
        conn.is_idle = True
        conn.set_timeout()
        if not self.alive:
            conn.timeout = min(conn.timeout, time.monotonic() + LINGER_SECONDS)
        self.keepalived_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.receive, conn))

    def linger(self, connection: Connection) -> None:
        """Say that nothing more follows, and wait for the client to close: closing while it sends would take the answer
        away from it (RFC 9112 section 9.6)."""
        try:
            connection.sock.setblocking(False)
            connection.sock.shutdown(socket.SHUT_WR)
            self.wait(connection, LINGER_SECONDS, self.discard)
        except (OSError, ValueError):  # it is closed already
            self.nr_conns -= 1
            connection.close()

    def discard(self, connection: Connection, _: Any) -> None:
        if received(connection.sock) == b"":
            self.drop(connection)

    def murder_pending(self) -> None:
        """Close what took too long. One that stops gives nobody long."""
        now = time.monotonic()
        if now < self.swept_at + SWEEP_SECONDS:
            return
        self.swept_at = now
        for connection in list(self.waiting):
            if not self.alive:
                connection.timeout = min(connection.timeout, now + LINGER_SECONDS)
            if connection.timeout <= now:
                if connection.arrival.data:
                    send(connection.sock, TOO_LATE)
                self.drop(connection)

    def leave(self, connection: Connection) -> None:
        """Wait for `connection` no longer."""
        self.poller.unregister(connection.sock)
        self.waiting.remove(connection)

    def forget_bytes(self, connection: Connection) -> None:
        """Count what `connection` has sent no longer: it is answered, or dropped."""
        self.waiting_bytes -= connection.held_bytes
        connection.held_bytes = 0

    def drop(self, connection: Connection) -> None:
        """Close a connection that was waited for."""
        self.leave(connection)
        self.forget_bytes(connection)
        self.nr_conns -= 1
        connection.close()


def received(sock: socket.socket) -> bytes | None:
    """Return what has come, b"" where nothing more will, or None for nothing yet."""
    if sock.fileno() < 0:  # closed in this turn of the loop, to make room
        return None
    try:
        return sock.recv(READ_BYTES)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def send(sock: socket.socket, data: bytes) -> None:
    """Send these few bytes if the client still listens."""
    with suppress(OSError):
        sock.send(data)
