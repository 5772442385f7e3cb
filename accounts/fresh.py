"""Fresh authentication: before something that matters, ask again who is there, unless they just proved it."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django_htmx.http import HttpResponseClientRedirect

View = Callable[..., HttpResponse]


def is_fresh(request: HttpRequest) -> bool:
    """Whether the last authentication of any kind, signing in included, is recent enough.

    Somebody who has neither a password nor a second factor can't be asked, and counts as fresh.
    """
    if not get_reauthentication_flows(request.user):
        return True
    records = get_authentication_records(request, request.user)
    latest = max((record["at"] for record in records), default=0)
    return time.time() - latest < settings.FRESH_AUTHENTICATION_SECONDS


def confirm_if_stale(request: HttpRequest, back_to: str) -> HttpResponse | None:
    """The way to Confirm and from there to `back_to`; None for somebody who just proved who they are.

    `back_to` shows a form: nothing is ever done, or shown, on Confirm's own address.
    """
    if is_fresh(request):
        return None
    methods = get_adapter().get_reauthentication_methods(request.user)
    confirm = f"{resolve_url(methods[0]['url'])}?{urlencode({REDIRECT_FIELD_NAME: back_to})}"
    return HttpResponseClientRedirect(confirm) if request.htmx else redirect(confirm)  # type: ignore[attr-defined]


def confirmed_posts(admin_view: Callable[..., View]) -> Callable[..., View]:
    """Have the administration ask before it changes anything: `admin_view` is what all of its pages pass."""

    def confirmed_admin_view(view: View, cacheable: bool = False) -> View:
        @wraps(view)
        def asking(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            changes = request.method == "POST" and view.__name__ != "logout"
            confirm = confirm_if_stale(request, request.get_full_path()) if changes else None
            return confirm or view(request, *args, **kwargs)

        return admin_view(asking, cacheable)

    return confirmed_admin_view
