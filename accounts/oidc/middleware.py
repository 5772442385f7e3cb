"""With OIDC_ONLY the pages of passwords are closed."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.oidc.configuration import must_use_provider
from accounts.oidc.errors import sign_on_error_page

PASSWORD_PAGES = {
    "account_signup", "account_reset_password", "account_reset_password_from_key",
    "account_change_password", "account_set_password", "account_reauthenticate",
}  # fmt: skip


class OnlyProviderMiddleware:
    """Close the pages of passwords to people who must sign in at the provider (OIDC_ONLY)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Return the page that says so, or None for other pages and other people."""
        match = request.resolver_match
        is_closed = match is not None and match.url_name in PASSWORD_PAGES
        if is_closed and must_use_provider(request.user):
            return sign_on_error_page(request, "passwords_off")
        return None
