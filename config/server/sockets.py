"""Reads and writes on sockets that never wait, and responses that are always the same."""

import socket
from contextlib import suppress

READ_BYTES = 65_536  # in one read from a connection
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BUSY_RESPONSE = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 54\r\n\r\n"
    b"Too many pages are asked for at once. Ask again soon.\n"
)
TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def receive_available(sock: socket.socket) -> bytes | None:
    """Return bytes that have arrived on the socket, without waiting for them.

    Return None if there are none yet. Return b"" if the client has closed the connection.
    """
    if sock.fileno() < 0:  # this process has closed it a moment ago, to make room
        return None
    try:
        return sock.recv(READ_BYTES)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def send_bytes(sock: socket.socket, data: bytes) -> None:
    """Send a short response. Ignore errors, because the client may have closed the connection."""
    with suppress(OSError):
        sock.send(data)
