"""The URLs of Tokenry, except those that middleware answers.

config.verify_shortcut answers /verify without URLs and views, unless VERIFY_SHORTCUT is off.
config.health.probes answers /healthz, /readyz and /metrics.
"""

from collections.abc import Iterable, Iterator

from allauth.decorators import rate_limit
from allauth.mfa.webauthn.views import login_webauthn
from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.utils.functional import lazy
from django.views.generic import RedirectView

from accounts.views import SignOutView
from config.logo import icon_path, logo
from tokens.problems.challenge import METADATA_PATH
from tokens.urls import activity_patterns, approval_patterns, help_patterns, token_patterns
from tokens.views.protected_resource import protected_resource

challenge_limited = rate_limit(action="login", limit_get=True)

handler400 = "config.error_pages.bad_request_page"
handler500 = "config.error_pages.server_error_page"

# Names of views that never change what a token may do. So their answers need not wait until a
# change holds in all processes (tokens/authentication/change_wait.py). Other views use a decorator
# of `tokens` for this, but `accounts` imports nothing of `tokens`.
CHANGES_NO_DECISION = {
    "account_login", "account_logout", "account_signup", "account_reauthenticate",
    "account_change_password", "account_set_password", "account_reset_password",
    "account_reset_password_from_key", "mfa_authenticate", "mfa_reauthenticate",
    "mfa_activate_totp", "mfa_deactivate_totp", "mfa_generate_recovery_codes",
    "mfa_add_webauthn", "mfa_reauthenticate_webauthn", "mfa_remove_webauthn", "mfa_edit_webauthn",
    "mfa_login_webauthn", "openid_connect_login", "openid_connect_confirm",
    "openid_connect_logout", "sessions", "theme", "time_zone",
}  # fmt: skip

token_pages: list[URLPattern | URLResolver] = [
    path("settings/", include(activity_patterns)),
    path("settings/", include(approval_patterns)),
    path("settings/tokens/", include(token_patterns)),
    *help_patterns,
]
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="tokens:list"), name="home"),
    path("accounts/2fa/", RedirectView.as_view(pattern_name="security")),
    path("accounts/sessions/", RedirectView.as_view(pattern_name="sessions")),
    # Each request makes a session, which keeps the challenge for the passkey. So the requests of
    # each IP address are limited.
    path(
        "accounts/2fa/webauthn/login/",
        challenge_limited(login_webauthn),
        name="mfa_login_webauthn",
    ),
    # Here nobody adds or removes a provider, and nobody types more at a first sign-in.
    re_path(r"^accounts/(?:3rdparty|social)/", RedirectView.as_view(pattern_name="security")),
    path("accounts/logout/", SignOutView.as_view(), name="account_logout"),
    path("accounts/", include("allauth.urls")),
    path("settings/", include("accounts.urls")),
    path("", include((token_pages, "tokens"))),
    path("settings/teams/", include("tokens.teams.urls")),
    path("api/v1/", include("tokens.api.urls")),
    path("", include("tokens.verify_urls")),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("admin/", admin.site.urls),
    # For password managers: W3C, "A Well-Known URL for Changing Passwords".
    path(
        ".well-known/change-password", RedirectView.as_view(pattern_name="account_change_password")
    ),
    path(METADATA_PATH.removeprefix("/"), protected_resource, name="protected_resource"),
    # Browsers ask for this icon by themselves.
    path("favicon.ico", RedirectView.as_view(url=lazy(icon_path, str)())),
    path("logo.svg", logo, name="logo"),
    *(path(beginning, include(module)) for beginning, module in settings.EXTRA_URLS),
]


def all_patterns(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    """Yield all URL patterns, also those that `include()` adds."""
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield pattern
        else:
            yield from all_patterns(pattern.url_patterns)


def mark_views_without_wait(patterns: Iterable[URLPattern | URLResolver]) -> None:
    """Mark the views that CHANGES_NO_DECISION names, so that their answers need not wait.

    On PostgreSQL, answers to other POST requests wait 260 ms, so that a change of a token then
    holds in all processes.
    """
    for pattern in all_patterns(patterns):
        if pattern.name in CHANGES_NO_DECISION:
            vars(pattern.callback)["changes_no_decision"] = True


mark_views_without_wait(urlpatterns)
