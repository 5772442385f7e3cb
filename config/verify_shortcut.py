"""Answer /verify without Django's request handler, because this is much faster.

Gateways call /verify before each request that they forward. The answer is made by the same
function that Django's middleware calls (tokens/authentication/forward_auth.py), so both ways give
the same bytes.
"""

from collections.abc import Callable, Iterable
from http.client import responses
from typing import Any

from django.conf import settings
from django.core.handlers.exception import response_for_exception
from django.core.handlers.wsgi import WSGIRequest, get_path_info
from django.db import DEFAULT_DB_ALIAS, connections, reset_queries
from django.http import HttpResponse
from django.views.decorators.debug import sensitive_variables

from config import tracing
from config.middleware import resolve_client
from config.server.work_permits import Application
from tokens.authentication.forward_auth import PATH, answer_gateway, is_forward_auth_path
from tokens.authentication.header import hide_legacy_headers
from tokens.authentication.requests import token_headers
from tokens.problems.responses import Answer, are_plain, ensure_problem
from tokens.usage.recorder import recorder
from tokens.usage.request_record import RequestRecord

# The shortcut does the work of this middleware. If MIDDLEWARE begins with other middleware, the
# shortcut is not used.
REPLACED_MIDDLEWARE = [
    "config.middleware.ProxyMiddleware",
    "config.server.server_parts.PartMiddleware",
    "config.tracing.TracingMiddleware",
    "tokens.middleware.TokenMiddleware",
]


def with_verify_shortcut(django_application: Application) -> Application:
    """Return a WSGI application that answers /verify itself, and passes on all other requests.

    Return `django_application` itself if Django must handle /verify too: if VERIFY_SHORTCUT is
    off, if MIDDLEWARE begins with other middleware, if traces are on, or if `serve --only pages`
    must refuse /verify.
    """
    if (
        not settings.VERIFY_SHORTCUT
        or list(settings.MIDDLEWARE[: len(REPLACED_MIDDLEWARE)]) != REPLACED_MIDDLEWARE
        or tracing.endpoint()
        or settings.SERVE_ONLY == "pages"
    ):
        return django_application

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if is_forward_auth_path(environ.get("PATH_INFO", "")):
            return answer_verify(environ, start_response)
        return django_application(environ, start_response)

    return answer


@sensitive_variables()
def answer_verify(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answer a WSGI request to /verify, and return the body of the response.

    Do the same as Django's request handler, ProxyMiddleware and TokenMiddleware.
    """
    path = get_path_info(environ)
    resolve_client(environ)
    hide_legacy_headers(environ)
    record = RequestRecord(environ, environ["REQUEST_METHOD"].upper(), path)
    if settings.DEBUG:
        reset_queries()  # Django's debug log of queries begins anew for each request
    # Django does this for all databases at the beginning of a request. Tokenry has only this one.
    database = connections[DEFAULT_DB_ALIAS]
    database.close_if_unusable_or_obsolete()
    try:
        status, headers, body = answer_gateway(environ, path[len(PATH) :] or path, record)
        headers = encode_headers(headers)
    except Exception as error:  # noqa: BLE001  # Django too handles all exceptions
        status, headers, body = answer_to_exception(environ, record, error)
    finally:
        database.close_if_unusable_or_obsolete()
    headers |= {"X-Content-Type-Options": "nosniff", "Content-Length": str(len(body))}
    if record.token:
        headers |= token_headers(record.token, record.limits)
    record.finish(status)
    recorder.record(record)
    start_response(f"{status} {responses[status]}", list(headers.items()))
    return [body]


def encode_headers(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers with their values encoded as Django does it, so that WSGI accepts them.

    Raise BadHeaderError if a value contains a line break.
    """
    if are_plain(headers):
        return headers
    return dict(HttpResponse(headers=headers).items())


@sensitive_variables()
def answer_to_exception(
    environ: dict[str, Any], record: RequestRecord, error: Exception
) -> Answer:
    """Return the error answer for an exception, and let Django log and report the exception."""
    environ["HTTP_COOKIE"] = ""  # so that error reports show no session; TokenMiddleware does so
    request = WSGIRequest(environ)
    request.record = record  # type: ignore[attr-defined]  # TokenMiddleware sets it too
    response = ensure_problem(request, response_for_exception(request, error))
    return Answer(response.status_code, dict(response.items()), response.content)
