"""A refusal, or another failure under /api/, as application/problem+json (RFC 9457)."""

import json

from django.http import HttpRequest, HttpResponse

from tokens.call import Call
from tokens.denial import Denial, for_status

KEPT_HEADERS = {"Allow", "Retry-After", "WWW-Authenticate"}  # of a view's own failure


def answer(request: HttpRequest, refused: Denial) -> HttpResponse:
    """The refusal as application/problem+json (RFC 9457). The record keeps its reference, to be found again."""
    call: Call = request.call  # type: ignore[attr-defined]
    call.code, call.reference = refused.code, refused.reference
    response = HttpResponse(
        json.dumps(refused.problem()), "application/problem+json", refused.status, headers=refused.response_headers()
    )
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001  (else Django logs it again)
    return response


def as_problem(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """`response` itself, or the same failure as problem+json where it is a page: its status stays."""
    if response.status_code < 400 or "json" in response.get("Content-Type", ""):
        return response
    problem = answer(request, for_status(response.status_code))
    for name in KEPT_HEADERS & set(response.headers):
        problem[name] = response[name]
    return problem
