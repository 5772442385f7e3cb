"""Run the production server."""

import os
import socket
import sys
import tempfile
from typing import Any

from django.conf import settings
from django.core.files.storage import storages
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection, transaction
from django.db.backends.signals import connection_created

from tokens import metrics
from tokens.models import Token


class Command(BaseCommand):
    help = "Run the production server on HOST:PORT with WEB_WORKERS processes."
    requires_system_checks = "__all__"

    def handle(self, *args: Any, **options: Any) -> None:
        self.refuse_a_taken_port()
        self.refuse_files_of_others()
        from config import gunicorn  # gives queries of this process the time-outs of the server's

        connection_created.connect(gunicorn.bound_the_wait)
        self.refuse_a_missing_pepper()
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

    def refuse_files_of_others(self) -> None:
        """Raise now, as OperationalError or OSError, what requests would meet where root made the files, say."""
        if connection.vendor == "sqlite":
            with transaction.atomic():  # takes the lock for writing
                pass
        storages.create_storage(settings.STORAGES["staticfiles"])  # reads the names of the static files
        try:
            tempfile.gettempdir()
        except FileNotFoundError as error:
            raise CommandError(f"{error.strerror}; TMPDIR may name another.") from None

    def refuse_a_missing_pepper(self) -> None:
        """Refuse to serve without a pepper that tokens need: the server would call them unknown.

        A database that does not answer, or has no tables yet, stops no start: /readyz and each request tell.
        """
        try:
            missing = Token.objects.missing_peppers()
        except DatabaseError as error:
            self.stderr.write(f"No pepper was checked: {str(error).splitlines()[0]}")
            return
        finally:
            connection.close()
        if missing:
            raise CommandError(
                f"TOKEN_PEPPERS lacks number {', '.join(map(str, missing))}, which tokens that still work need: "
                "put it back, or revoke them first. `manage.py rehash_report` counts them."
            )

    def prepare_metrics(self) -> None:
        """An empty folder in which the server's processes share their metrics; config.gunicorn removes it."""
        os.environ[metrics.FOLDER] = tempfile.mkdtemp(prefix="tokenry-metrics-")
