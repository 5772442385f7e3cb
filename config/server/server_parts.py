"""A server that answers only the API or only pages (`manage.py serve --only`)."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

from config.health.probes import PROBES
from config.server.unreadable_requests import record_and_refuse
from tokens.middleware import is_in_api
from tokens.problems.challenge import METADATA_PATH
from tokens.problems.problem import Problem

ELSEWHERE = {
    "api": "This server answers only /api/, /verify and the probes. Another server answers pages.",
    "pages": "This server answers only pages and the probes. "
    "Another server answers /api/ and /verify.",
}
# Both parts answer these, so that gateways need no rule for them.
SHARED_PATHS = {*PROBES, METADATA_PATH}


class PartMiddleware:
    """On a server for one part, answer 404 to requests for the other part.

    Django leaves this middleware out on a server for both parts.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not settings.SERVE_ONLY:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        part = "api" if is_in_api(path) else "pages"
        if path in SHARED_PATHS or part == settings.SERVE_ONLY:
            return self.get_response(request)
        response = record_and_refuse(request, Problem("not_found", ELSEWHERE[settings.SERVE_ONLY]))
        response["X-Content-Type-Options"] = "nosniff"
        response["Content-Length"] = str(len(response.content))
        return response
