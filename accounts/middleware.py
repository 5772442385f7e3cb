"""What htmx needs to know about signing in."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import resolve_url
from django_htmx.http import HttpResponseClientRedirect


class SignInMiddleware:
    """When an htmx request meets an ended session, send the whole page to sign-in, and back to where it was."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.htmx or "Location" not in response:  # type: ignore[attr-defined]
            return response
        sign_in = resolve_url("account_login")
        if urlsplit(response["Location"]).path != sign_in:
            return response
        came_from = QueryDict(mutable=True)
        came_from[REDIRECT_FIELD_NAME] = current_path(request)
        redirect = HttpResponseClientRedirect(f"{sign_in}?{came_from.urlencode(safe='/')}")
        redirect["Cache-Control"] = "no-store"
        return redirect


def current_path(request: HttpRequest) -> str:
    """The path that the browser shows while htmx asks."""
    try:
        return request.htmx.current_url_abs_path or "/"  # type: ignore[attr-defined]
    except ValueError:
        return "/"
