"""What happens to accounts, said to whoever keeps a record of it: `accounts` itself keeps none."""

from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_out, user_login_failed
from django.dispatch import Signal, receiver
from django.http import HttpRequest

from accounts.models import UserManager

happened = Signal()  # user, what, request, detail
guessed = Signal()  # email, request: a wrong password; whether there is such an account must not show in the answer

FACTORS = {
    Authenticator.Type.TOTP: "Authenticator app",
    Authenticator.Type.WEBAUTHN: "Passkey or security key",
    Authenticator.Type.RECOVERY_CODES: "Recovery codes",
}
SAID = {
    account.user_signed_up: "signed_up",
    account.user_logged_in: "signed_in",  # allauth's, after the last step
    account.password_changed: "password_changed",
    account.password_set: "password_changed",
    account.password_reset: "password_reset",
    user_logged_out: "signed_out",
}


def tell(user: AbstractBaseUser | None, what: str, request: HttpRequest | None, detail: str = "") -> None:
    """Say that `what` happened to the account of `user`; None is nobody, and said to nobody."""
    if user is not None:
        happened.send(sender=type(user), user=user, what=what, request=request, detail=detail)


def hear(signal: Signal, **kwargs: Any) -> None:
    tell(kwargs["user"], SAID[signal], kwargs["request"])


for each in SAID:
    each.connect(hear)


@receiver(user_login_failed)
def hear_wrong_password(credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    """When signing in, and when confirming who one is."""
    email = UserManager.normalize_email(credentials.get("email"))
    guessed.send(sender=None, email=email, request=request)


@receiver(account.email_added)
def hear_new_address(user: AbstractBaseUser, request: HttpRequest, email_address: Any, **kwargs: Any) -> None:
    tell(user, "email_added", request, email_address.email)


@receiver(account.email_removed)
def hear_cancelled_address(user: AbstractBaseUser, request: HttpRequest, email_address: Any, **kwargs: Any) -> None:
    tell(user, "email_removed", request, email_address.email)


@receiver(account.email_changed)
def hear_changed_address(user: AbstractBaseUser, request: HttpRequest, to_email_address: Any, **kwargs: Any) -> None:
    tell(user, "email_changed", request, to_email_address.email)


@receiver([mfa.authenticator_added, mfa.authenticator_reset])
def hear_factor(user: AbstractBaseUser, request: HttpRequest, authenticator: Authenticator, **kwargs: Any) -> None:
    made = authenticator.type == Authenticator.Type.RECOVERY_CODES
    tell(user, "codes_made" if made else "factor_added", request, "" if made else FACTORS[authenticator.type])


@receiver(mfa.authenticator_removed)
def hear_no_factor(user: AbstractBaseUser, request: HttpRequest, authenticator: Authenticator, **kwargs: Any) -> None:
    tell(user, "factor_removed", request, FACTORS[authenticator.type])


@receiver(mfa.authenticator_used)
def hear_code(user: AbstractBaseUser, request: HttpRequest, authenticator: Authenticator, **kwargs: Any) -> None:
    """Codes of an app, and keys, are part of signing in; a recovery code is worth knowing of."""
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        tell(user, "code_used", request)


@receiver(mfa.authentication_failed)
def hear_wrong_code(user: AbstractBaseUser, request: HttpRequest, **kwargs: Any) -> None:
    tell(user, "wrong_code", request)
