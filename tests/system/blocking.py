"""A stand-in for Tokenry: pages wait for a request to /api/release, other paths do not."""

from collections.abc import Callable, Iterable
from threading import Event
from typing import Any

from config import wsgi  # noqa: F401

released = Event()
PROGRAMS = ("/api/", "/verify", "/healthz", "/readyz", "/metrics")


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/api/release":
        released.set()
    elif not environ["PATH_INFO"].startswith(PROGRAMS):
        released.wait()
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
