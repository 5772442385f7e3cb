"""Where django-allauth asks what this installation allows."""

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts are made by administrators."""
        return False

    def get_reset_password_from_key_url(self, key: str) -> str:
        """The link in the mail leads to SITE_URL, whatever host the request named."""
        number, _, secret = key.partition("-")
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": number, "key": secret})
        return f"{settings.SITE_URL}{path}"
