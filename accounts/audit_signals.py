"""Signals about events of accounts, such as a sign-in or a new password.

This application only sends the signals. The application `tokens` receives them, and writes the
events into the audit log.
"""

from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from allauth.socialaccount.signals import social_account_added
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_out, user_login_failed
from django.dispatch import Signal, receiver
from django.http import HttpRequest

from accounts.models import UserManager

account_event = Signal()  # an event. Arguments: user, what (the kind of event), request, detail
# A wrong password. Arguments: email, request. There may be no account with this address, and the
# response must not reveal this.
wrong_password_sent = Signal()

FACTORS = {
    Authenticator.Type.TOTP: "Authenticator app",
    Authenticator.Type.WEBAUTHN: "Passkey or security key",
    Authenticator.Type.RECOVERY_CODES: "Recovery codes",
}
EVENTS = {
    account.user_signed_up: "signed_up",
    account.user_logged_in: "signed_in",  # sent after the last step of the sign-in
    account.password_changed: "password_changed",
    account.password_set: "password_changed",
    account.password_reset: "password_reset",
    user_logged_out: "signed_out",
}


def send_event(
    user: AbstractBaseUser | None, what: str, request: HttpRequest | None, detail: str = ""
) -> None:
    """Send the event `what`, such as "signed_in", about the account of `user`.

    `detail` is a text for the audit log. Do nothing if `user` is None.
    """
    if user is not None:
        account_event.send(sender=type(user), user=user, what=what, request=request, detail=detail)


def on_account_signal(signal: Signal, **kwargs: Any) -> None:
    """Send the event that EVENTS has for this signal. The detail names the OpenID provider."""
    login = kwargs.get("sociallogin")
    detail = f"with {login.provider.name}" if login else ""
    send_event(kwargs["user"], EVENTS[signal], kwargs["request"], detail)


for each in EVENTS:
    each.connect(on_account_signal)


@receiver(social_account_added)
def on_link(request: HttpRequest, sociallogin: Any, **kwargs: Any) -> None:
    """Send an event: a person of the OpenID provider can sign in to an account that was here."""
    send_event(sociallogin.user, "linked", request, f"with {sociallogin.provider.name}")


@receiver(user_login_failed)
def on_wrong_password(
    credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
) -> None:
    """Send the signal `wrong_password_sent` after a wrong password."""
    email = UserManager.normalize_email(credentials.get("email"))
    wrong_password_sent.send(sender=None, email=email, request=request)


@receiver(account.email_added)
def on_new_address(
    user: AbstractBaseUser, request: HttpRequest, email_address: Any, **kwargs: Any
) -> None:
    """Send an event: the person wants to change the e-mail address of the account."""
    send_event(user, "email_added", request, email_address.email)


@receiver(account.email_removed)
def on_cancelled_address(
    user: AbstractBaseUser, request: HttpRequest, email_address: Any, **kwargs: Any
) -> None:
    """Send an event: the person cancelled the change of the e-mail address."""
    send_event(user, "email_removed", request, email_address.email)


@receiver(account.email_changed)
def on_changed_address(
    user: AbstractBaseUser, request: HttpRequest, to_email_address: Any, **kwargs: Any
) -> None:
    """Send an event: the account has a new e-mail address."""
    send_event(user, "email_changed", request, to_email_address.email)


@receiver([mfa.authenticator_added, mfa.authenticator_reset])
def on_added_factor(
    user: AbstractBaseUser, request: HttpRequest, authenticator: Authenticator, **kwargs: Any
) -> None:
    """Send an event: the person added a second factor, or made new recovery codes."""
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        send_event(user, "codes_made", request)
    else:
        send_event(user, "factor_added", request, FACTORS[authenticator.type])


@receiver(mfa.authenticator_removed)
def on_removed_factor(
    user: AbstractBaseUser, request: HttpRequest, authenticator: Authenticator, **kwargs: Any
) -> None:
    """Send an event: the person removed a second factor."""
    send_event(user, "factor_removed", request, FACTORS[authenticator.type])


@receiver(mfa.authenticator_used)
def on_used_factor(
    user: AbstractBaseUser, request: HttpRequest, authenticator: Authenticator, **kwargs: Any
) -> None:
    """Send an event if the person used a recovery code.

    The use of an app or a key sends no event of its own, because it is part of each sign-in.
    """
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        send_event(user, "code_used", request)


@receiver(mfa.authentication_failed)
def on_wrong_code(user: AbstractBaseUser, request: HttpRequest, **kwargs: Any) -> None:
    """Send an event: somebody used a wrong code or key as the second factor."""
    send_event(user, "wrong_code", request)
