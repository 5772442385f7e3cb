"""An address that can lead to one server and then to another, as in a fail-over."""

import socket
from contextlib import suppress
from threading import Thread

from tests.server import free_port


class Switch:
    """A TCP proxy. New connections go to the port `target`; those that there are stay where they are."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = free_port()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self.target))
                except OSError:
                    client.close()
                    continue
                Thread(target=pump, args=(client, server), daemon=True).start()
                Thread(target=pump, args=(server, client), daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def pump(source: socket.socket, target: socket.socket) -> None:
    """Pass on what `source` sends until either end closes, and close both."""
    with source, target, suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
