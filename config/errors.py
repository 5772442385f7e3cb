"""Pages for failures, made without a database, a session or a context: they must not fail in turn."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler400, without the CSRF check that its own one makes: a broken body would break that too."""
    return page(400)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500, for the same reason."""
    return page(500)


def unavailable(request: HttpRequest) -> HttpResponse:
    """The database does not answer."""
    return page(503, headers={"Retry-After": "5"})


def page(status: int, **options: Any) -> HttpResponse:
    return HttpResponse(render_to_string(f"{status}.html"), status=status, **options)
