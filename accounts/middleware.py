"""What each request to a page needs to know about who is signed in."""

import time
from collections.abc import Callable
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django_htmx.http import HttpResponseClientRedirect

from accounts.signals import STARTED_AT

FEW_MINUTES = "300"  # seconds; the window of wrong passwords in ACCOUNT_RATE_LIMITS
SEEN_AT = "seen_at"
SEEN_RESOLUTION = 300  # seconds


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


class SessionMiddleware:
    """End a session some days after it began, keep a used one from running idle, and set the person's time zone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.COOKIES.get(settings.SESSION_COOKIE_NAME) or not request.user.is_authenticated:
            return self.get_response(request)
        now = time.time()
        if now - request.session.get(STARTED_AT, now) > settings.SESSION_MAX_SECONDS:
            logout(request)
            return self.get_response(request)
        if now - request.session.get(SEEN_AT, 0) > SEEN_RESOLUTION:
            request.session[SEEN_AT] = now  # saved, which moves its end
            UserSession.objects.create_from_request(request)  # seen, and from where
        with timezone.override(ZoneInfo(request.user.time_zone)):
            return self.get_response(request)


class NotKeptMiddleware:
    """Have no browser or proxy keep what a signed-in person sees, or anything of sign-in: after signing out, Back
    would show it again. What says something about caching itself stays as it is."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        personal = settings.SESSION_COOKIE_NAME in request.COOKIES or request.path_info.startswith("/accounts/")
        if personal and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response


def note_too_many_tries(request: HttpRequest) -> None:
    """Have the answer to this request say 429."""
    request.too_many_tries = True  # type: ignore[attr-defined]


class TooManyTriesMiddleware:
    """Say in the status too that there were too many tries, and when to come back: allauth says it in the form only,
    which stays on the page with what was typed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if getattr(request, "too_many_tries", False):
            response.status_code = 429
        if response.status_code == 429:
            response.headers.setdefault("Retry-After", FEW_MINUTES)
        return response
