"""Remove the middleware when all applications are ready.

Until then some applications check for theirs.
"""

from django.apps import AppConfig
from django.conf import settings


class BareConfig(AppConfig):
    name = "benchmarks"

    def ready(self) -> None:
        settings.MIDDLEWARE = []
