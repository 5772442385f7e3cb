"""A refusal, or another failure under /api/, as application/problem+json (RFC 9457)."""

import json

from django.http import HttpRequest, HttpResponse

from tokens.call import Call
from tokens.denial import REFUSALS, Denial, for_status

KEPT_HEADERS = {"Allow", "Retry-After", "WWW-Authenticate"}  # of a view's own failure


def answer(request: HttpRequest, refused: Denial) -> HttpResponse:
    """The answer to a request that is refused, and the record's knowledge of it where the refusal is Tokenry's own."""
    if refused.code in REFUSALS:
        request.call.denial = refused  # type: ignore[attr-defined]  # the middleware made it
    return problem(request, refused)


def problem(request: HttpRequest, failure: Denial) -> HttpResponse:
    """The failure as problem+json. The record keeps its reference, to be found again."""
    call: Call = request.call  # type: ignore[attr-defined]
    call.code, call.reference = failure.code, failure.reference
    response = HttpResponse(
        json.dumps(failure.problem()), "application/problem+json", failure.status, headers=failure.response_headers()
    )
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001  (else Django logs it again)
    return response


def as_problem(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """`response` itself, or the same failure as problem+json where it is a page: its status stays."""
    if response.status_code < 400 or "json" in response.get("Content-Type", ""):
        return response
    failure = problem(request, for_status(response.status_code))
    for name in KEPT_HEADERS & set(response.headers):
        failure[name] = response[name]
    return failure
