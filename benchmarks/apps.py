"""Takes the middleware out once every application is ready: some insist on theirs until then."""

from django.apps import AppConfig
from django.conf import settings


class BareConfig(AppConfig):
    name = "benchmarks"

    def ready(self) -> None:
        settings.MIDDLEWARE = []
