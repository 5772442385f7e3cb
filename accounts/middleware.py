"""Middleware for pages: sign-in for htmx, sessions, caching, the statuses 429 and 503."""

import time
from collections.abc import Callable
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django_htmx.http import HttpResponseClientRedirect

from accounts.receivers import STARTED_AT
from tokens.core.slow_hashing import Busy

# The header Retry-After, in seconds, by status. ACCOUNT_RATE_LIMITS counts wrong passwords over
# 300 seconds.
RETRY_AFTER = {429: "300", 503: "5"}
SEEN_AT = "seen_at"
SEEN_RESOLUTION = 300  # seconds between two updates of SEEN_AT


class SignInMiddleware:
    """Open the sign-in page if the session has ended before a request from htmx.

    Without this middleware htmx would put the sign-in form into the current page. After signing
    in, the browser returns to the current page.
    """

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
    """Return the path of the page that sent an htmx request, or of home if htmx does not say."""
    home = resolve_url("home")
    try:
        return request.htmx.current_url_abs_path or home  # type: ignore[attr-defined]  # of htmx
    except ValueError:
        return home


class SessionMiddleware:
    """End old sessions, extend sessions in use, and show times in the person's time zone.

    A session is old after SESSION_MAX_SECONDS, even if it is used.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (
            not request.COOKIES.get(settings.SESSION_COOKIE_NAME)
            or not request.user.is_authenticated
        ):
            return self.get_response(request)
        now = time.time()
        if not request.user.can_sign_in:  # the account became that of a team
            logout(request)
            return self.get_response(request)
        # `abs`: the difference is negative if the clock was wrong when the session began or was
        # used.
        if abs(now - request.session.get(STARTED_AT, now)) > settings.SESSION_MAX_SECONDS:
            logout(request)
            return self.get_response(request)
        if abs(now - request.session.get(SEEN_AT, 0)) > SEEN_RESOLUTION:
            request.session[SEEN_AT] = now  # saving the session extends it
            UserSession.objects.create_from_request(request)  # stores the time and the address
        with timezone.override(ZoneInfo(request.user.time_zone)):
            return self.get_response(request)


class NotKeptMiddleware:
    """Forbid caches to keep pages of signed-in people, and pages of sign-in.

    Otherwise the button Back would show these pages to the next person, after the first has signed
    out. A response that has a Cache-Control header is not changed.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        personal = settings.SESSION_COOKIE_NAME in request.COOKIES or request.path_info.startswith(
            "/accounts/"
        )
        if personal and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response


def note_status(request: HttpRequest, status: int) -> None:
    """Store a status for the response to this request. TryAgainMiddleware sets it later."""
    request.noted_status = status  # type: ignore[attr-defined]  # of ours


class TryAgainMiddleware:
    """Set the status 429 after too many attempts, and 503 if no password can be checked now.

    The header Retry-After says after how many seconds to try again. allauth answers these requests
    with the form, the error in it and the status 200. This middleware changes only the status.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.status_code = getattr(request, "noted_status", response.status_code)
        if wait := RETRY_AFTER.get(response.status_code):
            response.headers.setdefault("Retry-After", wait)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return an error page with status 503 for Busy: too many passwords are being hashed.

        Return None for other exceptions. Forms handle Busy themselves, but a view may raise it
        later.
        """
        if isinstance(exception, Busy):
            return render(request, "503_busy.html", status=503)
        return None
