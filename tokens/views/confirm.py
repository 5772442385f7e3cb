"""Fresh authentication in a project of one's own: the default of the setting FRESH_AUTHENTICATION.

Before an important action, people confirm who they are unless they signed in a short time ago.
Where django-allauth is installed, its page asks. Otherwise the page here asks for the password.
The standalone product has a function of its own (accounts/reauthentication.py).
"""

import time
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_required
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from tokens.authentication.requests import PageRequest
from tokens.decorators import changes_no_decision
from tokens.forms.confirm import ConfirmForm
from tokens.pages.rendering import render_page
from tokens.token_settings import token_settings

FRESH_FOR_SECONDS = 15 * 60
CONFIRMED_AT = "tokens_confirmed_at"  # in the session, in seconds since 1970


@receiver(user_logged_in)
def note_sign_in(request: Any, **kwargs: Any) -> None:
    """Store in the session when the person signed in."""
    has_session = hasattr(request, "session")  # a sign-in for an API may have none
    if has_session and token_settings.FRESH_AUTHENTICATION is ask_if_stale:
        request.session[CONFIRMED_AT] = time.time()


def ask_if_stale(request: PageRequest, back_to: str) -> HttpResponse | None:
    """Return None if the person signed in or confirmed recently, else a redirect to confirm.

    From there the browser goes to `back_to`, which must be a page with a form: the person has to
    send the form again. A person without a password can't confirm, and need not.
    """
    page = stale_page(request)
    if not page:
        return None
    target = f"{page}?{urlencode({REDIRECT_FIELD_NAME: back_to})}"
    return HttpResponseClientRedirect(target) if request.htmx else redirect(target)


def stale_page(request: PageRequest) -> str:
    """Return the path of the page where the person must confirm, or "" if that is not needed."""
    if apps.is_installed("allauth.account"):
        return stale_page_of_allauth(request)
    confirmed_at = request.session.get(CONFIRMED_AT, 0)
    # `abs`: the difference is negative if the clock was wrong then.
    is_fresh = abs(time.time() - confirmed_at) < FRESH_FOR_SECONDS
    return "" if is_fresh or not request.user.has_usable_password() else reverse("tokens:confirm")


def stale_page_of_allauth(request: PageRequest) -> str:
    """Do the same as `stale_page`, by the rules of django-allauth."""
    from allauth.account.decorators import reauthentication_required
    from allauth.core.exceptions import ReauthenticationRequired

    try:
        reauthentication_required(lambda _: None)(request)
    except ReauthenticationRequired:
        return reverse("account_reauthenticate")
    return ""


def path_to_go_back(request: PageRequest) -> str:
    """Return the address in the parameter `next`, or the list's if `next` leads elsewhere."""
    target = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME, "")
    is_here = url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure())
    return target if is_here else reverse("tokens:list")


@sensitive_post_parameters("password")
@login_required
@never_cache
@changes_no_decision
@require_http_methods(["GET", "HEAD", "POST"])
def token_confirm(request: PageRequest) -> HttpResponse:
    """Ask for the person's password. If it is right, go to the page in the parameter `next`."""
    if token_settings.FRESH_AUTHENTICATION is not ask_if_stale:
        raise Http404
    form = ConfirmForm(request.POST if request.method == "POST" else None, request=request)
    back_to = path_to_go_back(request)
    if form.is_valid():
        request.session[CONFIRMED_AT] = time.time()
        return redirect(back_to)
    context = {"form": form, "back_to": back_to}
    status = 422 if form.errors else 200
    return render_page(request, "tokens/confirm.html", context, status=status)
