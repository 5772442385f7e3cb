"""An address that can lead to one server and then to another, as in a fail-over."""

import socket
from contextlib import suppress
from threading import Thread

from tests.server import free_port


class Switch:
    """A TCP proxy. New connections go to the port `target`; open connections stay.

    If nothing listens at `target`, new connections end at once.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = free_port()
        self._clients: set[socket.socket] = set()  # with an open connection
        self._listener = socket.create_server(("127.0.0.1", self.port))
        Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        """Pass on what both ends send until one of them closes."""
        self._clients.add(client)
        with (
            suppress(OSError),
            client,
            socket.create_connection(("127.0.0.1", self.target)) as server,
        ):
            back = Thread(target=pump, args=(server, client), daemon=True)
            back.start()
            pump(client, server)
            back.join()
        self._clients.discard(client)

    def lead_to(self, target: int) -> None:
        """Send new connections to this port, and end the open ones."""
        self.target = target
        for client in tuple(self._clients):
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def pump(source: socket.socket, target: socket.socket) -> None:
    """Pass on what `source` sends until either end closes, and end both."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
