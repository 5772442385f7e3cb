"""The command that runs the production server."""

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.backends.signals import connection_created

from config import tracing
from config.server import metrics_folder, start_checks
from tokens.usage import metrics, prometheus


class Command(BaseCommand):
    help = "Run the production server on HOST:PORT with WEB_WORKERS processes."
    requires_system_checks = "__all__"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--only",
            choices=["api", "pages"],
            help="Serve one part, so that each part has its own processes: `api` is /api/ and "
            "/verify, `pages` is the rest. Both answer /healthz, /readyz and /metrics, and 404 "
            "for the other part. Without this option the server answers everything.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        tracing.check_tracing_settings()
        start_checks.refuse_a_taken_port()
        start_checks.check_files_are_usable()
        # Imported here, because the module gives queries of this process the time-outs of
        # requests.
        from config.server import gunicorn

        connection_created.connect(gunicorn.bound_the_wait)
        connection_created.connect(gunicorn.set_time_outs)
        start_checks.check_database(gunicorn.database_connections, self.stderr.write)
        if metrics.enabled():
            # config.server.gunicorn removes the folder when the server stops.
            os.environ[prometheus.FOLDER_VARIABLE] = metrics_folder.make()
        os.environ["TOKENRY_SERVE_ONLY"] = options["only"] or ""
        # The server replaces this process, so that it gets the signals sent to this process.
        os.execv(  # noqa: S606
            sys.executable,
            [sys.executable, "-m", "gunicorn", "--config", "python:config.server.gunicorn"],
        )
