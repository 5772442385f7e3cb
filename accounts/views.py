"""The account pages that django-allauth does not bring."""

from typing import Any

from allauth.mfa.base.views import IndexView
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
from accounts.registry import belongings_of

THEME_COOKIE = "theme"
YEAR = 365 * 24 * 3600  # seconds


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Who the person is and how they like these pages."""
    form = ProfileForm(request.POST or None, instance=signed_in_user(request))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Your profile is saved.")
        return redirect("profile")
    return render(request, "accounts/profile.html", {"form": form}, status=422 if form.errors else 200)


def signed_in_user(request: HttpRequest) -> User:
    """The person, behind `login_required`, as an object of their own: a form may write to it."""
    assert request.user.pk is not None  # noqa: S101
    return User.objects.get(pk=request.user.pk)


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
        others = mine.exclude(session_key=request.session.session_key)
        chosen = others if request.POST.get("session") == "others" else [named_session(mine, request)]
        for session in chosen:
            session.end()
        messages.success(request, "Signed out there." if chosen else "You are signed in nowhere else.")
        return redirect("sessions")
    listed = sorted(
        UserSession.objects.purge_and_list(request.user), key=lambda session: session.last_seen_at, reverse=True
    )
    return render(request, "accounts/sessions.html", {"sessions": listed})


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
    response.set_cookie(THEME_COOKIE, chosen, max_age=YEAR, secure=request.is_secure(), httponly=True, samesite="Lax")
    return response


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def delete_account(request: HttpRequest) -> HttpResponse:
    """Say what goes with the account; then delete it."""
    user = signed_in_user(request)
    if request.method != "POST":
        return render(request, "accounts/delete.html", {"belongings": belongings_of(user)})
    if confirm := confirm_if_stale(request, request.path):
        return confirm
    if user.is_superuser and not User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk).exists():
        messages.error(request, "You are the only administrator. Make another one first, under Administration.")
        return redirect("delete_account")
    logout(request)
    user.delete()
    messages.success(request, "Your account is deleted.")
    return redirect("account_login")
