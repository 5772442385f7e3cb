"""The middleware that checks tokens, and answers API errors as JSON (problem+json, RFC 9457).

Views declare with decorators what they require. The pipeline (authentication/pipeline.py) decides
if a request may pass. The middleware only translates between Django's requests and the pipeline.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from tokens.authentication import change_wait
from tokens.authentication.header import hide_legacy_headers
from tokens.authentication.pipeline import Decision
from tokens.authentication.requests import authenticate_request, sign_out, token_headers
from tokens.problems import problem
from tokens.problems.problem import Problem
from tokens.problems.responses import ensure_problem, refuse, set_headers
from tokens.token_settings import token_settings
from tokens.usage.recorder import recorder
from tokens.usage.request_record import RequestRecord

log = logging.getLogger(__name__)

View = Callable[[HttpRequest], HttpResponse]


class TokenMiddleware:
    """Check the token of each request to a view that requires one (`@token_required`).

    Below API_PREFIXES, refuse requests to a view that has neither `@token_required` nor `@public`.
    """

    # NOTE: Requests below API_PREFIXES skip the middleware below this one. That middleware is for
    # pages: sessions, CSRF protection, messages, htmx. It would take more time than all the rest
    # of the request. Put middleware that must see API requests above this one in MIDDLEWARE.

    sync_capable = async_capable = True

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response
        api_handler = ApiHandler(self.process_view, self.process_exception)
        self.handle_api = cast(View, convert_exception_to_response(api_handler))
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        if self.is_async:
            return self.answer_async(request)
        is_page = self.begin(request)
        try:
            response = self.get_response(request) if is_page else self.handle_api(request)
        finally:
            change_wait.finish(request)
        return self.finish(request, response, is_page)

    async def answer_async(self, request: HttpRequest) -> HttpResponse:
        """Do the same as `__call__`, for a server with an event loop (ASGI)."""
        is_page = self.begin(request)
        try:
            if is_page:
                response = await cast(Awaitable[HttpResponse], self.get_response(request))
            else:
                response = await sync_to_async(self.handle_api)(request)
        finally:
            await change_wait.finish_async(request)
        return self.finish(request, response, is_page)

    def begin(self, request: HttpRequest) -> bool:
        """Attach an empty record to the request. Return True if the request is for a page."""
        request.record = RequestRecord(  # type: ignore[attr-defined]
            request.META, request.method or "", request.path_info
        )
        hide_legacy_headers(request.META)
        if is_in_api(request.path_info):
            request.META["HTTP_COOKIE"] = ""  # a session must never give access to the API
            return False
        return True

    def finish(self, request: HttpRequest, response: HttpResponse, is_page: bool) -> HttpResponse:
        """Return the response with the headers of tokens, and let the recorder count the request.

        An error of the API becomes a problem.
        """
        record: RequestRecord = request.record  # type: ignore[attr-defined]
        headers: dict[str, str] = {}
        if not is_page:
            response = ensure_problem(request, response)
            headers["X-Content-Type-Options"] = "nosniff"
            if not response.streaming:
                headers["Content-Length"] = str(len(response.content))
        if token := getattr(request, "token", None):
            headers |= token_headers(token, getattr(request, "limits", None))
            if response.has_header("Vary"):
                patch_vary_headers(response, headers.pop("Vary").split(", "))
        set_headers(response, headers)
        if not is_page or record.code or record.token:
            record.finish(response.status_code)
            recorder.record(record)
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Check that the request may reach the view. Return None if it may, else the error answer.

        The answer to a change may have to wait before it is sent (change_wait.py), and only a few
        requests may wait at a time. If there are too many, refuse the change.
        """
        if not hasattr(view, "requirement"):
            if is_in_api(request.path_info):
                log.error(
                    "%s is closed: its view has neither @token_required nor @public", request.path
                )
                return refuse(request, problem.undeclared_view())
            has_place = change_wait.begin(request, view, change_wait.page_places)
            return None if has_place else too_many_changes_page(request)
        sign_out(request)
        decision = Decision()
        if view.requirement is not None:
            decision = authenticate_request(request, view.requirement)
        if decision.problem and (decision.token is None or decision.problem.status == 429):
            return refuse(request, decision.problem)
        if not change_wait.begin(request, view, change_wait.program_places):
            return refuse(request, problem.unavailable(change_wait.TOO_MANY_CHANGES))
        if decision.problem:
            # A view may have revoked the request's own token. If the client repeats the request,
            # the view must repeat its answer.
            replay = getattr(view, "replay", None)
            replayed = replay and replay(request, decision.problem)
            return replayed or refuse(request, decision.problem)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the error answer for a Problem or SuspiciousOperation that a view has raised.

        Return None for other exceptions, and for a SuspiciousOperation of a view that declares
        nothing: Django handles them.
        """
        view = request.resolver_match and request.resolver_match.func
        if isinstance(exception, SuspiciousOperation) and hasattr(view, "requirement"):
            return refuse(request, problem.for_status(400))
        return refuse(request, exception) if isinstance(exception, Problem) else None


class ApiHandler(BaseHandler):
    """Django's request handler for the API, with two functions as its only middleware.

    `process_view` is called before the view, and `process_exception` after an exception in it. The
    attributes set here are no public API. They were read in Django 5.2; tests/test_private_apis.py
    fails if a release moves them.
    """

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


def too_many_changes_page(request: HttpRequest) -> HttpResponse:
    """Return the error page for a change that was refused, because too many other changes wait.

    On PostgreSQL, answers to changes wait for a moment (change_wait.py).
    """
    base = {"base_template": token_settings.BASE_TEMPLATE}
    response = render(request, "tokens/too_many_changes.html", base, status=503)
    response["Retry-After"] = "2"
    # Django would log an error. The attribute is no public API: read in Django 5.2.
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001
    return response


def is_in_api(path: str) -> bool:
    """Return True if `path` is below API_PREFIXES, also with several slashes at the beginning."""
    return f"/{path.lstrip('/')}/".startswith(token_settings.API_PREFIXES)
