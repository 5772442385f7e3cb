"""In place of Tokenry, for its server alone: pages answer once somebody asks /api/release, all else at once."""

from collections.abc import Callable, Iterable
from threading import Event
from typing import Any

from config import wsgi  # noqa: F401  (sets Django up, as the server expects of its application)

released = Event()
PROGRAMS = ("/api/", "/verify", "/healthz", "/readyz", "/metrics")


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/api/release":
        released.set()
    elif not environ["PATH_INFO"].startswith(PROGRAMS):
        released.wait()
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
