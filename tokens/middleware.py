"""HTTP glue around the pipeline: views declare, this enforces, and every failure under /api/ is problem+json."""

import logging
from collections.abc import Callable
from datetime import UTC
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_vary_headers

from tokens import denial
from tokens.authentication import authenticate
from tokens.denial import Denial
from tokens.models import Token

log = logging.getLogger(__name__)

API = "/api/"
KEPT_HEADERS = {"Allow", "Retry-After", "WWW-Authenticate"}  # of a view's own failure


class TokenMiddleware:
    """Signs the owner of a request's token in where the view asks for one, and closes /api/ to everything else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        in_api = is_in_api(request.path_info)
        if in_api:
            request.META["HTTP_COOKIE"] = ""  # no session exists here, so none can sign anybody in
        response = self.get_response(request)
        if in_api:
            response = as_problem(response)
        if token := getattr(request, "token", None):
            describe(response, token)
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Hold the view to what it declares; under /api/ one that declares nothing is refused."""
        token_required = getattr(view, "token_required", None)
        if token_required is None and not is_in_api(request.path_info):
            return None
        request.user = AnonymousUser()
        try:
            if token_required is None:
                log.error("%s is closed: its view has neither @token_required nor @public", request.path)
                raise denial.undeclared()
            if token_required:
                token = authenticate(request)
                request.token, request.user = token, token.owner  # type: ignore[attr-defined]
        except Denial as refused:
            return answer(refused)
        return None


def is_in_api(path: str) -> bool:
    """Whether `path` is /api or below it, however many slashes it begins with."""
    return f"/{path.lstrip('/')}/".startswith(API)


def describe(response: HttpResponse, token: Token) -> None:
    """Tell the client how long its token lasts, and caches that the answer is for this token alone."""
    response["Token-Expires-At"] = f"{token.expires_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    patch_vary_headers(response, ["Authorization"])


def answer(refused: Denial) -> HttpResponse:
    """The refusal as application/problem+json (RFC 9457). Its reference is logged, to be found again."""
    log.info("%s %s, reference %s", refused.status, refused.code, refused.reference)
    response = JsonResponse(refused.problem(), status=refused.status, content_type="application/problem+json")
    for name, value in refused.response_headers().items():
        response[name] = value
    response["Content-Length"] = str(len(response.content))
    return response


def as_problem(response: HttpResponse) -> HttpResponse:
    """`response` itself, or the same failure as problem+json where it is a page: its status stays."""
    if response.status_code < 400 or "json" in response.get("Content-Type", ""):
        return response
    problem = answer(denial.for_status(response.status_code))
    for name in KEPT_HEADERS & set(response.headers):
        problem[name] = response[name]
    return problem
