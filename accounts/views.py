"""The account pages of Tokenry. The other account pages are those of django-allauth."""

from typing import Any

from allauth.account.internal.flows.email_verification import (  # private, as in allauth 65.22.1
    send_verification_email_to_address,
)
from allauth.account.models import EmailAddress
from allauth.account.views import LogoutView
from allauth.mfa.base.views import IndexView
from allauth.mfa.webauthn.internal.auth import clear_state  # private, as in allauth 65.22.1
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import extension_points
from accounts.audit_signals import send_event
from accounts.extension_points import NO_OFFER, THEME_COOKIE, ZONE_COOKIE, belongings_of
from accounts.models import Theme, User, known_time_zones, short_zone_label
from accounts.oidc.configuration import must_use_provider
from accounts.profile_form import ProfileForm
from accounts.reauthentication import confirm_if_stale
from tokens.core.devices import device

YEAR = 365 * 24 * 3600  # seconds
MAX_SESSIONS = 50  # sessions on the page
WAIT = "Wait three minutes, or until tomorrow, before you ask again."


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Show the Profile page. On a POST, save its form."""
    form = ProfileForm(request.POST or None, instance=signed_in_user(request))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Your profile is saved.")
        response = stop_offering_zone(redirect("profile"), request)
        return set_theme_cookie(response, request, form.cleaned_data["theme"])
    return render(
        request, "accounts/profile.html", {"form": form}, status=422 if form.errors else 200
    )


@login_required
@require_POST
def pending_address(request: HttpRequest) -> HttpResponse:
    """Handle the buttons beside a new e-mail address that is not confirmed yet.

    They send the mail with the confirmation link again, or cancel the change of address.
    """
    user = signed_in_user(request)
    address = EmailAddress.objects.get_new(user)
    if address is None:
        messages.info(request, "No change is under way any more.")
    elif "cancel" in request.POST and address.email != user.email:
        address.remove()
        send_event(user, "email_removed", request, address.email)
        messages.success(
            request, f"The change is cancelled. You sign in with {user.email}, as before."
        )
    elif not send_verification_email_to_address(request, address):
        messages.info(
            request, f"We wrote to {address.email} a moment ago, or ten times today. {WAIT}"
        )
    return redirect("account_email")


def signed_in_user(request: HttpRequest) -> User:
    """Return the signed-in person, read again from the database.

    A form changes its object even if the form is invalid. It must not change `request.user`, which
    the page shows.
    """
    assert request.user.pk is not None  # noqa: S101
    return User.objects.get(pk=request.user.pk)


class SignOutView(LogoutView):
    """Sign out. A person who has not given the second factor yet stops the sign-in instead.

    This also removes the passkey challenge from the session, so that an old answer is not
    accepted.
    """

    def logout(self) -> None:
        super().logout()
        clear_state()


class SecurityView(IndexView):
    """Show the password and the second factors. Pages of allauth change them."""

    template_name = "accounts/security.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {
            **super().get_context_data(**kwargs),
            "belongings": belongings_of(self.request.user),
            "must_use_provider": must_use_provider(self.request.user),
        }


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sessions(request: HttpRequest) -> HttpResponse:
    """Show the person's sessions. On a POST, end one of them, or all except the present one."""
    mine = UserSession.objects.filter(user=request.user)
    if request.method == "POST":
        user = signed_in_user(request)
        others = mine.exclude(session_key=request.session.session_key)
        chosen = (
            list(others)
            if request.POST.get("session") == "others"
            else [chosen_session(mine, request)]
        )
        devices = [device(session.user_agent) for session in chosen]
        for session, name in zip(chosen, devices, strict=True):
            session.end()
            send_event(user, "session_ended", request, f"{name}, {session.ip}")
        messages.success(request, ended_sessions_message(devices))
        return redirect("sessions")
    latest = mine.order_by("-last_seen_at", "-pk")[:MAX_SESSIONS]
    listed = sorted(
        (session for session in latest if not session.purge()),
        key=UserSession.is_current,
        reverse=True,
    )
    context = {"sessions": listed, "others": max(0, mine.count() - len(listed))}
    return render(request, "accounts/sessions.html", context)


def ended_sessions_message(devices: list[str]) -> str:
    """Return the message after sessions were ended. `devices` has the name of each device."""
    match devices:
        case []:
            return "You are signed in nowhere else."
        case [alone]:
            return f"The session of {alone} has ended."
    return f"{len(devices)} sessions have ended."


def chosen_session(mine: Any, request: HttpRequest) -> UserSession:
    """Return the session among `mine` that the form names. Raise Http404 if there is none."""
    number = request.POST.get("session", "")
    return get_object_or_404(mine, pk=number if number.isdecimal() and len(number) < 20 else None)


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Store the chosen theme (light, dark, or that of the system), then show the same page again.

    The theme is stored in a cookie, and in the account if the person is signed in. htmx gets an
    empty answer, because the script has changed the page already.
    """
    chosen = request.POST.get("theme", "")
    chosen = chosen if chosen in Theme.values else Theme.SYSTEM
    if request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(theme=chosen)
    response = (
        HttpResponse(status=204)
        if request.headers.get("HX-Request")
        else HttpResponseRedirect(previous_page(request))
    )
    return set_theme_cookie(response, request, chosen)


def previous_page(request: HttpRequest) -> str:
    """Return the URL of the page from which the request came.

    Return the home page if that URL is missing or belongs to another site.
    """
    back = request.headers.get("Referer", "")
    safe = url_has_allowed_host_and_scheme(
        back, {request.get_host()}, require_https=request.is_secure()
    )
    return back if safe else reverse("home")


def set_theme_cookie(response: HttpResponse, request: HttpRequest, chosen: str) -> HttpResponse:
    """Store the theme in a cookie of `response`, because pages before the sign-in need it too."""
    return set_choice_cookie(response, request, THEME_COOKIE, chosen)


def set_choice_cookie(
    response: HttpResponse, request: HttpRequest, name: str, value: str
) -> HttpResponse:
    """Store a choice of the person in a cookie of `response`, for a year. Return `response`."""
    response.set_cookie(
        name,
        value,
        max_age=YEAR,
        path=settings.SESSION_COOKIE_PATH,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )
    return response


@login_required
@require_POST
def time_zone(request: HttpRequest) -> HttpResponse:
    """Store the browser's time zone in the profile if the person accepts it. Else UTC stays.

    In both cases the page does not offer the time zone again. htmx gets a sentence in place of the
    offer. Then the page stays, with the text that the person may have typed into a form.
    """
    zone = request.POST.get("zone", "")
    accepted = zone in known_time_zones()
    if accepted:
        user = signed_in_user(request)
        user.time_zone = zone
        user.save(update_fields=["time_zone"])
    response: HttpResponse
    if request.headers.get("HX-Request"):
        context = {"label": short_zone_label(zone) if accepted else ""}
        response = render(request, "accounts/_zone_chosen.html", context)
    else:
        # Not `redirect`, which would take an address without a slash for the name of a view.
        response = HttpResponseRedirect(previous_page(request))
    return stop_offering_zone(response, request)


def stop_offering_zone(response: HttpResponse, request: HttpRequest) -> HttpResponse:
    """Set a cookie in `response` so that no page offers the browser's time zone again."""
    return set_choice_cookie(response, request, ZONE_COOKIE, NO_OFFER)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def delete_account(request: HttpRequest) -> HttpResponse:
    """Show what is deleted with the account. On a POST, delete the account.

    If tokens of the person work, the person first chooses what happens to them. The only active
    superuser can't delete the account (status 409), because nobody could administer the site.
    """
    user = signed_in_user(request)
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    needed = user.is_superuser and not others.exists()
    is_sent = request.method == "POST"
    form = extension_points.farewell.own_form(user, request)
    if is_sent and not needed and (form is None or form.is_valid()):
        back_to = f"{request.path}?{form.as_query()}" if form else request.path
        if confirm := confirm_if_stale(request, back_to):
            return confirm
        if delete_with_choices(request, user, form):
            messages.success(request, "Your account is deleted.")
            return redirect("account_login")
    context = {
        "belongings": belongings_of(user),
        "needed": needed,
        "form": form,
        "form_template": extension_points.farewell.template,
    }
    status = (409 if needed else 422) if is_sent else 200
    return render(request, "accounts/delete.html", context, status=status)


def delete_with_choices(request: HttpRequest, user: User, form: Any) -> bool:
    """Delete the account, after what the valid form says about its tokens was done.

    `form` is None if there was nothing to choose. Return False, and delete nothing, if the choice
    is impossible.
    """
    with transaction.atomic():
        if form is not None and not extension_points.farewell.settle(form, request):
            return False
        logout(request)
        user.delete()
    return True
