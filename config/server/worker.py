"""gunicorn's worker with threads, changed so that no thread waits for a client.

NOTE: In gunicorn's own worker each thread reads a request from its client, and the main loop waits
up to two seconds for each connection that it closes. So a few slow clients can stop the server. In
this worker the main loop reads from all clients at the same time, and never waits. A request must
arrive within REQUEST_SECONDS, and goes to a thread only when it is complete. Pages have their own
threads, so that programs and probes never wait for pages.
"""

import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker  # private, as in gunicorn 27.0.1

from config import settings
from config.server import drain
from config.server.request_bytes import ArrivedBytes
from config.server.request_parser import MAX_BODY, Parser, Unreadable
from config.server.sockets import (
    BUSY_RESPONSE,
    CONTINUE,
    READ_BYTES,
    TOO_LATE,
    receive_available,
    send_bytes,
)
from config.server.work_permits import Application, thread_pool, with_permit

MAX_WAITING_BYTES = 64 * 1_048_576  # of all requests together that have no response yet
MAX_WAITING_PAGES = 64  # requests for pages that wait for a thread
LINGER_SECONDS = 2  # for a client to read its last response before the connection closes
SWEEP_SECONDS = 0.25  # between two searches for connections that must be closed


class Connection(TConn):  # type: ignore[misc]
    """A client's connection, with the bytes of its next request."""

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any) -> None:
        super().__init__(cfg, sock, client, server)
        self.parser = Parser(cfg, client)
        self.initialized = self.data_ready = True  # so that gunicorn's thread waits for nothing
        self.arrival = ArrivedBytes(MAX_BODY)
        self.held_bytes = 0  # of requests that have no response yet
        self.is_idle = self.is_page = False


class Worker(ThreadWorker):  # type: ignore[misc]
    """A process that serves requests: a main loop for all sockets, and two pools of threads.

    A connection is in one of three states: a thread has it; it is idle, in `keepalived_conns`; or
    it is in `waiting`, for the rest of a request or for the client to close. The main loop closes
    idle and waiting connections at their `timeout`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting: set[Connection] = set()
        self.waiting_bytes = self.pages = 0  # `pages`: requests for pages, without a response yet
        self.swept_at = 0.0

    def get_thread_pool(self) -> ThreadPoolExecutor:
        self.page_threads = thread_pool("page", self.cfg.threads, for_pages=True)
        return thread_pool("program", self.cfg.threads, for_pages=False)

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self.wsgi: Application = with_permit(self.wsgi)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Stop after SIGTERM, but first answer requests for DRAIN_SECONDS more.

        Meanwhile /readyz says 503, so load balancers choose another server. If a new worker
        replaces this one, stop at once. Ignore a second SIGTERM: a service manager may send one to
        each process.
        """
        if drain.has_begun:
            return
        if drain.is_replaced(self.age):
            super().handle_exit(sig, frame)
            return
        drain.has_begun = True
        self.max_keepalived = 0  # so that each response has `Connection: close`
        if settings.DRAIN_SECONDS:
            signal.signal(signal.SIGALRM, super().handle_exit)
            signal.siginterrupt(signal.SIGALRM, False)
            signal.alarm(settings.DRAIN_SECONDS)
        else:
            super().handle_exit(sig, frame)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Start or stop accepting connections.

        A worker that stops accepts the connections that wait in the kernel, then closes the
        listening sockets. gunicorn would close them only after the last response. Until then the
        kernel would take more connections, and break them at the end.
        """
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                # Accept no more than can wait in the kernel, because new ones may come without
                # end.
                for _ in range(self.cfg.backlog):
                    if not self.accept(listener):
                        break
                listener.close()

    def accept(self, listener: socket.socket) -> bool:
        """Accept one connection that waits in the kernel. Return False if there is none."""
        try:
            sock, client = listener.accept()
        except BlockingIOError:
            return False
        except ConnectionAbortedError:
            return True
        except OSError:  # the process has reached its limit of open files
            self.make_room()
            return False
        self.nr_conns += 1
        connection = Connection(self.cfg, sock, client, listener.getsockname())
        self.wait(connection, settings.REQUEST_SECONDS, self.receive)
        self.receive(connection)
        if self.nr_conns >= self.worker_connections:
            self.make_room()
        return True

    def make_room(self) -> None:
        """Close the connection whose `timeout` is nearest, because there are too many."""
        if self.waiting:
            self.close_waiting(min(self.waiting, key=lambda connection: connection.timeout))
        elif self.keepalived_conns:
            self.keepalived_conns[0].timeout = 0
            self.murder_keepalived()

    def wait(self, connection: Connection, seconds: float, receive: Callable[..., None]) -> None:
        """Call `receive` when bytes arrive. After `seconds`, close the connection."""
        self.wait_no_longer_than(connection, seconds)
        self.poller.register(connection.sock, EVENT_READ, partial(receive, connection))

    def wait_no_longer_than(self, connection: Connection, seconds: float) -> None:
        """Put the connection into `waiting`. After `seconds`, the main loop closes it."""
        connection.timeout = time.monotonic() + seconds
        self.waiting.add(connection)

    def receive(self, connection: Connection, _: Any = None) -> None:
        """Read bytes that have arrived. From its first bytes, a request has REQUEST_SECONDS."""
        data = receive_available(connection.sock)
        if data is None:
            return
        if connection.is_idle:
            connection.is_idle = False
            self.keepalived_conns.remove(connection)
            self.wait_no_longer_than(connection, settings.REQUEST_SECONDS)
        if data:
            self.add(connection, data)
        else:
            self.close_waiting(connection)

    def add(self, connection: Connection, data: bytes) -> None:
        """Add `data` to the connection's request. Give a complete request to a thread."""
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
            self.stop_waiting(connection)
            self.enqueue_req(connection)
        elif not had_head and arrival.expects_continue():
            send_bytes(connection.sock, CONTINUE)

    def save_memory(self) -> None:
        """Close the waiting connection that has sent the most bytes, to free memory.

        Never close a connection that has sent READ_BYTES or less.
        """
        largest = max(self.waiting, key=lambda waiting: waiting.held_bytes)
        if largest.held_bytes > READ_BYTES:
            self.close_waiting(largest)

    def enqueue_req(self, conn: Connection) -> None:
        """Give the request to a thread. If too many pages wait for a thread, answer 503."""
        arrival, conn.arrival = conn.arrival, ArrivedBytes(MAX_BODY)
        conn.is_page = not arrival.is_of_program()
        if conn.is_page and self.pages >= self.cfg.threads + MAX_WAITING_PAGES:
            self.forget_bytes(conn)
            send_bytes(conn.sock, BUSY_RESPONSE)
            self.linger(conn)
            return
        self.pages += conn.is_page
        conn.parser.feed(arrival)
        threads = self.page_threads if conn.is_page else self.tpool
        answered = threads.submit(self.handle, conn)
        answered.add_done_callback(
            lambda done: self.method_queue.defer(self.finish_request, conn, done)
        )

    def handle_request(self, req: Any, conn: Connection) -> bool:
        """Answer a request, in a thread. Return True if the connection may stay open.

        Return False if the client does not read the response in time (SO_SNDTIMEO).
        """
        try:
            return bool(super().handle_request(req, conn))
        except BlockingIOError:
            return False

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """If the parser refused the request, answer with a problem (RFC 9457)."""
        if isinstance(exc, Unreadable):
            # Imported here, because the module needs the application, which is loaded by now.
            from config.server.unreadable_requests import response_bytes

            with suppress(OSError):
                client.sendall(response_bytes(exc, addr[0]))
        else:
            super().handle_error(req, client, addr, exc)

    def finish_request(self, conn: Connection, fs: "Future[bool]") -> None:
        """After a response, wait for the client's next request, or for the client to close.

        Bytes of the next request may have arrived already.
        """
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
        """Close the connection, but let the client read the response first.

        Therefore close only the sending side, and wait for the client to close. If the server
        closed at once, a client that still sends would lose the response (RFC 9112 section 9.6).
        """
        try:
            connection.sock.setblocking(False)
            connection.sock.shutdown(socket.SHUT_WR)
            self.wait(connection, LINGER_SECONDS, self.discard)
        except (OSError, ValueError):  # the connection is closed already
            self.nr_conns -= 1
            connection.close()

    def discard(self, connection: Connection, _: Any) -> None:
        if receive_available(connection.sock) == b"":
            self.close_waiting(connection)

    def murder_pending(self) -> None:
        """Close waiting connections at their `timeout`, or LINGER_SECONDS after a stop began."""
        now = time.monotonic()
        if now < self.swept_at + SWEEP_SECONDS:
            return
        self.swept_at = now
        for connection in list(self.waiting):
            if not self.alive:
                connection.timeout = min(connection.timeout, now + LINGER_SECONDS)
            if connection.timeout <= now:
                if connection.arrival.data:
                    send_bytes(connection.sock, TOO_LATE)
                self.close_waiting(connection)

    def stop_waiting(self, connection: Connection) -> None:
        """Stop waiting for bytes of this connection."""
        self.poller.unregister(connection.sock)
        self.waiting.remove(connection)

    def forget_bytes(self, connection: Connection) -> None:
        """Subtract the connection's bytes from `waiting_bytes`: its requests have responses."""
        self.waiting_bytes -= connection.held_bytes
        connection.held_bytes = 0

    def close_waiting(self, connection: Connection) -> None:
        """Close a connection that is in `waiting`."""
        self.stop_waiting(connection)
        self.forget_bytes(connection)
        self.nr_conns -= 1
        connection.close()
