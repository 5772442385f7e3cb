"""Run the production server."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Run the production server on HOST:PORT with WEB_WORKERS processes of WEB_THREADS threads each."
    requires_system_checks = "__all__"

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(
            f"Tokenry is at {settings.SITE_URL}/ (listening on {settings.HOST}:{settings.PORT}). Ctrl-C stops it."
        )
        self.stdout.flush()
        # In place of this process, so that a signal sent to it reaches the server.
        os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "--config", "python:config.gunicorn"])  # noqa: S606
