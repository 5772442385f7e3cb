"""Error pages. They use no database and no session, because these may be the cause."""

import sys
from http import HTTPStatus

from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from redis import RedisError

# Exceptions that mean: the database or Redis does not answer, or accepts no writes.
OUTAGES = (OperationalError, InterfaceError, InternalError, RedisError)
LOOK_FIRST = "If you were creating a token, look in your list first: it may be there already."


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or the name of its class if it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".:")


def bad_request_page(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Return the page for status 400.

    Django's own page checks the CSRF token, and so reads the body. A broken body fails there
    again.
    """
    words = "It is broken, or names a host that is not in ALLOWED_HOSTS."
    return error_page(400, "This request can't be read", words)


def server_error_page(request: HttpRequest) -> HttpResponse:
    """Return the page for status 500, or for 503 if the database or Redis fails (OUTAGES).

    Django calls this view after any exception of a view or of middleware. Exceptions that are not
    in OUTAGES are bugs of Tokenry.
    """
    if isinstance(sys.exc_info()[1], OUTAGES):
        return unavailable_page(request)
    words = (
        "It is not your fault: the server made a mistake, and wrote it into its log. Try again in "
        "a moment. If it happens again, tell an administrator when it happened."
    )
    return error_page(500, "Something went wrong here", words)


def unavailable_page(request: HttpRequest) -> HttpResponse:
    """Return the page for status 503: the database or Redis does not answer or accept writes."""
    words = "The database or another service does not answer. Try again in a few seconds."
    response = error_page(503, "Not available for the moment", words)
    response["Retry-After"] = "5"
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return the page for a failed CSRF check, with status 403.

    The page names one of two reasons: the form is too old, or the browser did not say that the
    form came from this site.
    """
    context = {"is_from_elsewhere": "checking failed" in reason}
    return render(request, "403_csrf.html", context, status=403)


def content_too_large_page(request: HttpRequest) -> HttpResponse:
    """Return the page for status 413: the request's body is too large (RFC 9110)."""
    limit = filesizeformat(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    return error_page(413, "This is too large", f"Forms here take no files, and {limit} at most.")


def token_in_address_page() -> HttpResponse:
    """Return the page for a form that was sent to an address with a token in it, status 400."""
    words = (
        "Browsers and servers keep addresses in their histories and logs. Remove the token from "
        "the address and send the form again. Revoke the token if others may have seen it."
    )
    return error_page(400, "This address contains a token", words)


def error_page(status: int, title: str, words: str) -> HttpResponse:
    """Return an error page with this status, title and text."""
    context = {
        "status": status,
        "reason": HTTPStatus(status).phrase,
        "title": title,
        "words": words,
        "hint": LOOK_FIRST if status >= 500 else "",
    }
    return HttpResponse(render_to_string("error.html", context), status=status)
