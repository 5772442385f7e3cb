"""Pages for failures, made without a database, a session or a request: they must not fail in turn."""

import sys

from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from redis import RedisError

LOOK_FIRST = "If you were creating a token, look in your list first: it may be there already."


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler400, without the CSRF check that its own one makes: a broken body would break that too."""
    words = "It is broken, or names a host that is not in ALLOWED_HOSTS."
    return page(400, "This request can't be read", words)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500, for the same reason. It serves views and middleware alike, so it tells a database or a
    Redis that is away, or takes no writes (InternalError), from a fault of ours."""
    if isinstance(sys.exc_info()[1], (OperationalError, InterfaceError, InternalError, RedisError)):
        return unavailable(request)
    return page(500, "Something went wrong here", f"It is not your fault. Try again in a moment. {LOOK_FIRST}")


def unavailable(request: HttpRequest) -> HttpResponse:
    """The database or Redis does not answer."""
    words = f"Something that this page needs does not answer. Try again soon. {LOOK_FIRST}"
    response = page(503, "Not available for the moment", words)
    response["Retry-After"] = "5"
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say whether the form was too old, or the browser named another site, or none, as the one that it was on."""
    return render(request, "403_csrf.html", {"is_from_elsewhere": "checking failed" in reason}, status=403)


def content_too_large(request: HttpRequest) -> HttpResponse:
    """The body is larger than any form here (RFC 9110 section 15.5.14)."""
    limit = filesizeformat(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    return page(413, "This is too large", f"Forms here take no files, and {limit} at most.")


def page(status: int, title: str, words: str) -> HttpResponse:
    """One of the pages above."""
    context = {"title": title, "words": words, "retry": status >= 500}
    return HttpResponse(render_to_string("error.html", context), status=status)
