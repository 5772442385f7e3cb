"""The pages of a sign-in by the provider, and the address to which it sends logouts."""

import logging
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from hashlib import sha256
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.utils import get_next_redirect_url
from allauth.socialaccount.adapter import get_adapter as get_social_adapter
from allauth.socialaccount.providers.base import AuthProcess
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit_signals import send_event
from accounts.oidc.configuration import sign_on
from accounts.oidc.documents import provider_documents
from accounts.oidc.errors import SignOnError, sign_on_error_page
from accounts.oidc.fetching import fetch_json
from accounts.oidc.id_token import (
    LEEWAY_SECONDS,
    MAX_SIGNED_AGE,
    UntrustedToken,
    check_logout_token,
)
from accounts.oidc.provider import CallbackView, Provider, ProviderAdapter
from accounts.oidc.sessions import sessions_to_end
from tokens.core.devices import device

log = logging.getLogger(__name__)

SignOnView = Callable[[HttpRequest], HttpResponse]


def only_with_provider(view: SignOnView) -> SignOnView:
    """Decorate a view of single sign-on: 404 if it is off, and a page for each SignOnError."""

    @wraps(view)
    def checked(request: HttpRequest) -> HttpResponse:
        if sign_on() is None:
            raise Http404
        try:
            return view(request)
        except SignOnError as error:
            return sign_on_error_page(request, error.code)

    return checked


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@only_with_provider
def begin_sign_on(request: HttpRequest) -> HttpResponse:
    """Begin a sign-in by a POST. A GET leads to the sign-in page, which has the button."""
    if request.method != "POST":
        return redirect("account_login")
    return send_to_provider(request, AuthProcess.LOGIN)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@only_with_provider
def confirm_at_provider(request: HttpRequest) -> HttpResponse:
    """Ask a signed-in person to confirm who they are at the provider. A POST sends them there."""
    if request.method == "POST":
        return send_to_provider(request, AuthProcess.REDIRECT)
    ways = get_adapter().get_reauthentication_methods(request.user)
    context = {
        "redirect_field_value": get_next_redirect_url(request),
        "reauthentication_alternatives": [way for way in ways if way["url"] != request.path],
    }
    return render(request, "accounts/sign_on_confirm.html", context)


def send_to_provider(request: HttpRequest, process: str) -> HttpResponse:
    """Return a page that leads to the provider.

    NOTE: A redirect would not do. Our Content-Security-Policy lets forms be sent only to this
    site, and Chromium applies this rule to all redirects after a form, also to those of the
    provider to others, which we do not know.
    """
    provider: Provider = get_social_adapter().get_provider(request, "openid_connect")
    back_to = get_next_redirect_url(request)
    answer = provider.redirect(request, process, back_to)
    return render(request, "accounts/sign_on_leave.html", {"address": answer["Location"]})


@never_cache
@require_safe
@only_with_provider
@sensitive_variables()
def callback(request: HttpRequest) -> HttpResponse:
    """End a sign-in: the provider sends the browser here, with a code."""
    on = sign_on()
    assert on is not None  # noqa: S101  # see only_with_provider
    view = CallbackView.adapter_view(ProviderAdapter(request, on.issuer))
    response: HttpResponse = view(request)
    return response


@csrf_exempt
@never_cache
@require_POST
@sensitive_post_parameters()
@sensitive_variables()
def logout_from_provider(request: HttpRequest) -> HttpResponse:
    """End sessions, because the provider says that a person has signed out there.

    This is OpenID Connect Back-Channel Logout 1.0. The answer is 200 also if there is no session.
    """
    on = sign_on()
    if on is None:
        raise Http404
    documents = provider_documents()

    def fetch(url: str) -> dict[str, Any]:
        return fetch_json("GET", url, nullcontext())

    try:
        claims = check_logout_token(
            request.POST.get("logout_token"),
            lambda kid: documents.keys(kid, fetch),
            issuer=on.issuer,
            client_id=on.client_id,
            now=time.time(),
        )
        require_new(claims)
    except (UntrustedToken, SignOnError) as error:
        log.warning("a logout of the OpenID provider was refused: %s", error)
        return JsonResponse({"error": "invalid_request"}, status=400)
    for session in sessions_to_end(claims).select_related("user"):
        session.end()
        send_event(session.user, "session_ended", request, ended_by(session, on.name))
    return HttpResponse()


def ended_by(session: Any, name: str) -> str:
    """Return the detail of the event: the device, its address, and who ended the session."""
    return f"{device(session.user_agent)}, {session.ip}: signed out at {name}"


def require_new(claims: dict[str, Any]) -> None:
    """Raise UntrustedToken if this logout token was used before.

    Its identifier is kept for as long as the token would be accepted.
    """
    identifier = sha256(f"{claims['iss']} {claims['jti']}".encode()).hexdigest()
    kept_for = MAX_SIGNED_AGE + 2 * LEEWAY_SECONDS
    if not cache.add(f"logout-token:{identifier}", value=1, timeout=kept_for):
        raise UntrustedToken("it was already used")
