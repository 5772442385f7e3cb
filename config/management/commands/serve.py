"""Run the production server."""

import os
import socket
import sys
import tempfile
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tokens import metrics


class Command(BaseCommand):
    help = "Run the production server on HOST:PORT with WEB_WORKERS processes of WEB_THREADS threads each."
    requires_system_checks = "__all__"

    def handle(self, *args: Any, **options: Any) -> None:
        self.refuse_a_taken_port()
        if metrics.wanted():
            self.prepare_metrics()
        # In place of this process, so that a signal sent to it reaches the server.
        os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "--config", "python:config.gunicorn"])  # noqa: S606

    def refuse_a_taken_port(self) -> None:
        """Say it in one line, before an address is printed at which somebody else answers."""
        try:
            family, *_, address = socket.getaddrinfo(settings.HOST, settings.PORT, type=socket.SOCK_STREAM)[0]
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError as error:
            raise CommandError(
                f"HOST is {settings.HOST!r} and PORT is {settings.PORT}; no listening there: {error.strerror}. "
                "Another port: PORT=8001 make run"
            ) from None

    def prepare_metrics(self) -> None:
        """An empty folder in which the server's processes share their metrics; config.gunicorn removes it."""
        os.environ[metrics.FOLDER] = tempfile.mkdtemp(prefix="tokenry-metrics-")
