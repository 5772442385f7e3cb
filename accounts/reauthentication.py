"""Fresh authentication: the person's last sign-in or confirmation is recent enough.

Before an important action a person without fresh authentication must confirm who they are, with a
password or a code.
"""

import time
from collections.abc import Callable
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django_htmx.http import HttpResponseClientRedirect

View = Callable[..., HttpResponse]


def is_fresh(request: HttpRequest) -> bool:
    """Return True if the person signed in, or confirmed who they are, recently enough.

    This means: within FRESH_AUTHENTICATION_SECONDS. Also return True for a person who has neither
    a password nor a second factor, because this person can't confirm.
    """
    if not get_adapter().get_reauthentication_methods(request.user):
        return True
    records = get_authentication_records(request, request.user)
    # `abs`: the difference is negative if the clock was wrong then.
    return any(
        abs(time.time() - record["at"]) < settings.FRESH_AUTHENTICATION_SECONDS
        for record in records
    )


def confirm_if_stale(request: HttpRequest, back_to: str) -> HttpResponse | None:
    """Return None if the person signed in or confirmed recently, else a redirect to confirm.

    The redirect leads to a page where the person confirms with a password or a code. From there
    the browser goes to `back_to`, which must be a page with a form: the person has to send the
    form again, because confirming does not do the action.
    """
    if is_fresh(request):
        return None
    methods = get_adapter().get_reauthentication_methods(request.user)
    confirm = f"{resolve_url(methods[0]['url'])}?{urlencode({REDIRECT_FIELD_NAME: back_to})}"
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponseClientRedirect(confirm)
    return redirect(confirm)
