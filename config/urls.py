"""Every path of the installation but /verify and the probes, which middleware answers."""

from allauth.decorators import rate_limit
from allauth.mfa.webauthn.views import login_webauthn
from django.templatetags.static import static
from django.urls import include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView

from accounts.views import SignOutView
from config import administration
from tokens import help_views

challenge_limited = rate_limit(action="login", limit_get=True)

handler400 = "config.errors.bad_request"
handler500 = "config.errors.server_error"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="token_list"), name="home"),
    path("accounts/2fa/", RedirectView.as_view(pattern_name="security")),
    path("accounts/sessions/", RedirectView.as_view(pattern_name="sessions")),
    # Whoever asks to sign in by passkey is given a session to keep the challenge in: not so many for one address.
    path("accounts/2fa/webauthn/login/", challenge_limited(login_webauthn), name="mfa_login_webauthn"),
    path("accounts/logout/", SignOutView.as_view(), name="account_logout"),
    path("accounts/", include("allauth.urls")),
    path("settings/", include("accounts.urls")),
    path("settings/", include("tokens.urls")),
    path("api/v1/", include("tokens.api.urls")),
    path("help/", help_views.guide, name="help"),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("admin/", administration.site.urls),
    # Where password managers look (W3C, "A Well-Known URL for Changing Passwords"), and browsers for an icon unasked.
    path(".well-known/change-password", RedirectView.as_view(pattern_name="account_change_password")),
    path("favicon.ico", RedirectView.as_view(url=lazy(static, str)("icon.svg"))),
]
