"""Invitations: an administrator names an address, and its owner sets the password by a link."""

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.utils import user_pk_to_url_str
from django.http import HttpRequest

from accounts.models import User


def invite(user: User, request: HttpRequest) -> None:
    """Write to `user` how to set a password. The link ends with its first use, or after PASSWORD_RESET_TIMEOUT."""
    adapter = get_adapter()
    key = f"{user_pk_to_url_str(user)}-{app_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)}"
    context = {
        "user": user,
        "inviter": str(request.user),
        "password_reset_url": adapter.get_reset_password_from_key_url(key),
    }
    adapter.send_mail("account/email/invitation", user.email, context)
