"""HTTP glue around the pipeline: views declare, this enforces, and every failure under /api/ is problem+json."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from tokens import denial, gateway
from tokens.answers import answer, as_problem
from tokens.authentication import authenticate
from tokens.call import Call
from tokens.denial import Denial
from tokens.models import Token
from tokens.quota import Verdict
from tokens.usage import recorder

log = logging.getLogger(__name__)

API = "/api/"
View = Callable[[HttpRequest], HttpResponse]


class TokenMiddleware:
    """Signs the owner of a request's token in where the view asks for one, and closes /api/ to everything else.

    Requests to /api/ leave the list of middleware here, straight to their view: sessions, CSRF, messages and
    templates, which stand below, are nothing to a program and would cost it more than all the rest. So do those to
    /verify, whose view stands for that of another service.
    """

    def __init__(self, get_response: View) -> None:
        self.pages = get_response
        self.api = cast(View, convert_exception_to_response(ShortRoute(self.process_view, self.process_exception)))
        self.verify = cast(View, convert_exception_to_response(gateway.verify))

    def __call__(self, request: HttpRequest) -> HttpResponse:
        call = request.call = Call(request)  # type: ignore[attr-defined]
        route = self.route_of(request.path_info)
        if route is self.pages:
            response = self.pages(request)
        else:
            request.META["HTTP_COOKIE"] = ""  # no session exists here, so none can sign anybody in
            response = as_problem(request, route(request))
            response.headers["X-Content-Type-Options"] = "nosniff"
            if not response.streaming:
                response.headers["Content-Length"] = str(len(response.content))
        if token := getattr(request, "token", None):
            add_token_headers(response, token, getattr(request, "limits", None))
        if route is not self.pages or call.code or call.token:
            call.end(response.status_code)
            recorder.record(call)
        return response

    def route_of(self, path: str) -> View:
        if is_in_api(path):
            return self.api
        return self.verify if gateway.is_asked(path) else self.pages

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Hold the view to what it declares; under /api/ one that declares nothing is refused."""
        if not hasattr(view, "requirement"):
            if not is_in_api(request.path_info):
                return None
            log.error("%s is closed: its view has neither @token_required nor @public", request.path)
            return answer(request, denial.undeclared())
        request.user = AnonymousUser()
        if view.requirement is not None:
            try:
                authenticate(request, view.requirement)
            except Denial as refused:
                replay = getattr(view, "replay", None)  # of a request that ended the token that it was made with
                return (replay and replay(request, refused)) or answer(request, refused)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A refusal that a view raises is answered as the pipeline's own are; what Django finds suspicious is one."""
        if isinstance(exception, SuspiciousOperation):
            return answer(request, denial.for_status(400))
        return answer(request, exception) if isinstance(exception, Denial) else None


class ShortRoute(BaseHandler):
    """Django's own way from a request to its view, with a hook before the view, one after a failure, no middleware."""

    def __init__(
        self,
        process_view: Callable[..., HttpResponse | None],
        process_exception: Callable[[HttpRequest, Exception], HttpResponse | None],
    ) -> None:
        super().__init__()
        self._view_middleware = [process_view]
        self._template_response_middleware: list[Any] = []
        self._exception_middleware = [process_exception]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self._get_response(request)  # type: ignore[attr-defined]  # the stubs leave it out
        return response


def is_in_api(path: str) -> bool:
    """Whether `path` is /api or below it, however many slashes it begins with."""
    return f"/{path.lstrip('/')}/".startswith(API)


def add_token_headers(response: HttpResponse, token: Token, limits: Verdict | None) -> None:
    """Tell the client how long its token lasts and how often it may call, and caches that this is for it alone."""
    headers = response.headers
    headers["Token-Expires-At"] = internet_time(token.expires_at)
    if limits:
        for name, value in limits.headers().items():
            headers[name] = value
    if response.has_header("Vary"):
        patch_vary_headers(response, ["Authorization"])
    else:
        headers["Vary"] = "Authorization"


@lru_cache(maxsize=1024)
def internet_time(at: datetime) -> str:
    """`at` to the second, in UTC (RFC 3339)."""
    return at.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"
