"""The account pages that django-allauth does not bring."""

from typing import Any

from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.account.views import LogoutView
from allauth.mfa.base.views import IndexView
from allauth.mfa.webauthn.internal.auth import clear_state
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import ProfileForm
from accounts.fresh import confirm_if_stale
from accounts.models import Theme, User
from accounts.record import tell
from accounts.registry import THEME_COOKIE, belongings_of
from accounts.templatetags.times import device

YEAR = 365 * 24 * 3600  # seconds
MOST_SESSIONS = 50  # on the page
WAIT = "Wait three minutes, or until tomorrow, before you ask again."


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Who the person is and how they like these pages."""
    form = ProfileForm(request.POST or None, instance=signed_in_user(request))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Your profile is saved.")
        return remember_theme(redirect("profile"), request, form.cleaned_data["theme"])
    return render(request, "accounts/profile.html", {"form": form}, status=422 if form.errors else 200)


@login_required
@require_POST
def pending_address(request: HttpRequest) -> HttpResponse:
    """Write to the address that the account is to move to once more, or have it stay where it is."""
    user = signed_in_user(request)
    address = EmailAddress.objects.get_new(user)
    if address is None:
        messages.info(request, "No change is under way any more.")
    elif "cancel" in request.POST and address.email != user.email:
        address.remove()
        tell(user, "email_removed", request, address.email)
        messages.success(request, f"The change is cancelled. You sign in with {user.email}, as before.")
    elif not send_verification_email_to_address(request, address):
        messages.info(request, f"We wrote to {address.email} a moment ago, or ten times today. {WAIT}")
    return redirect("account_email")


def signed_in_user(request: HttpRequest) -> User:
    """The person, behind `login_required`, as an object of their own: a form may write to it."""
    assert request.user.pk is not None  # noqa: S101
    return User.objects.get(pk=request.user.pk)


class SignOutView(LogoutView):  # type: ignore[misc]
    """Sign out, or leave the second step: then the challenge of the person's key goes too."""

    def logout(self) -> None:
        super().logout()
        clear_state()


class SecurityView(IndexView):  # type: ignore[misc]
    """Password and second factors; each is changed on a page of allauth's."""

    template_name = "accounts/security.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "belongings": belongings_of(self.request.user)}


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sessions(request: HttpRequest) -> HttpResponse:
    """Where the person is signed in; a POST ends one session, or all but this one."""
    mine = UserSession.objects.filter(user=request.user)
    if request.method == "POST":
        user = signed_in_user(request)
        others = mine.exclude(session_key=request.session.session_key)
        chosen = list(others) if request.POST.get("session") == "others" else [named_session(mine, request)]
        devices = [device(session.user_agent) for session in chosen]
        for session, name in zip(chosen, devices, strict=True):
            session.end()
            tell(user, "session_ended", request, f"{name}, {session.ip}")
        messages.success(request, what_ended(devices))
        return redirect("sessions")
    latest = mine.order_by("-last_seen_at", "-pk")[:MOST_SESSIONS]
    listed = sorted((session for session in latest if not session.purge()), key=UserSession.is_current, reverse=True)
    context = {"sessions": listed, "others": max(0, mine.count() - len(listed))}
    return render(request, "accounts/sessions.html", context)


def what_ended(devices: list[str]) -> str:
    """The notice after ending the sessions on these devices."""
    match devices:
        case []:
            return "You are signed in nowhere else."
        case [alone]:
            return f"The session of {alone} has ended."
    return f"{len(devices)} sessions have ended."


def named_session(mine: Any, request: HttpRequest) -> UserSession:
    """The one of the person's sessions that the form names; anything else is 404."""
    number = request.POST.get("session", "")
    return get_object_or_404(mine, pk=number if number.isdecimal() and len(number) < 20 else None)


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep the choice of the theme switch: for this browser, and for the person where one is signed in."""
    chosen = request.POST.get("theme", "")
    chosen = chosen if chosen in Theme.values else Theme.SYSTEM
    if request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(theme=chosen)
    back = request.headers.get("Referer", "")
    safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    response = (
        HttpResponse(status=204)
        if request.headers.get("HX-Request")
        else HttpResponseRedirect(back if safe else reverse("home"))
    )
    return remember_theme(response, request, chosen)


def remember_theme(response: HttpResponse, request: HttpRequest, chosen: str) -> HttpResponse:
    """Have this browser keep it, for when nobody is signed in."""
    response.set_cookie(THEME_COOKIE, chosen, max_age=YEAR, secure=request.is_secure(), httponly=True, samesite="Lax")
    return response


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def delete_account(request: HttpRequest) -> HttpResponse:
    """Say what goes with the account; then delete it."""
    user = signed_in_user(request)
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    needed = user.is_superuser and not others.exists()
    if needed or request.method != "POST":
        context = {"belongings": belongings_of(user), "needed": needed}
        return render(request, "accounts/delete.html", context, status=200 if request.method != "POST" else 409)
    if confirm := confirm_if_stale(request, request.path):
        return confirm
    logout(request)
    user.delete()
    messages.success(request, "Your account is deleted.")
    return redirect("account_login")
