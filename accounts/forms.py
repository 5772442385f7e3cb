"""Forms about accounts: allauth's forms with our labels."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.account import forms as account
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.email_verification import (  # private, as in allauth 65.22.1
    consume_email_verification_rate_limit,
)
from allauth.core.internal.cryptokit import normalize_user_code  # private, as in allauth 65.22.1
from allauth.mfa.adapter import get_adapter as get_mfa_adapter
from allauth.mfa.base import forms as mfa
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn import forms as webauthn
from allauth.mfa.webauthn.internal.auth import (  # private, as in allauth 65.22.1
    clear_state,
    parse_authentication_response,
)
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest, HttpResponse

from accounts import outbox
from accounts.allauth_texts import HELP, LABELS
from accounts.mailed_requests import origin_of, send_reset, sign_up
from accounts.models import User
from accounts.name_rules import must_be_of_a_person, must_be_visible
from accounts.passwords import normalized

EMAIL_LENGTH = 254  # characters; the columns of the database take no more


class OwnTextsMixin:
    """Mixin for forms of allauth: set our labels and help texts, and remove placeholders."""

    fields: dict[str, forms.Field]
    labels = LABELS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.label = self.labels.get(name, field.label)
            field.widget.attrs.pop("placeholder", None)
            field.help_text = HELP.get(name, field.help_text)
            if name == "code":  # digits, from an app or of a recovery code
                field.widget.attrs["inputmode"] = "numeric"
            if isinstance(field, forms.EmailField):
                field.validators += [MaxLengthValidator(EMAIL_LENGTH), must_be_of_a_person]
                field.widget.attrs["maxlength"] = str(EMAIL_LENGTH)


class SignInForm(OwnTextsMixin, account.LoginForm):
    """The form of the sign-in page."""


class SignUpForm(OwnTextsMixin, account.SignupForm):
    """The form of the sign-up page."""

    labels = LABELS | {"password1": "Password"}

    def validate_unique_email(self, value: str) -> str:
        """Accept every address: an error would reveal that the address has an account."""
        return value

    def try_save(self, request: HttpRequest) -> tuple[None, HttpResponse]:
        """Return the same response for every address. A background thread creates the account."""
        email, password = (
            self.cleaned_data["email"],
            make_password(normalized(self.cleaned_data["password1"])),
        )
        adapter = get_adapter()
        if consume_email_verification_rate_limit(request, email):
            outbox.in_background(sign_up, email, password, origin_of(request))
            sent = "account/messages/email_confirmation_sent.txt"
            adapter.add_message(request, messages.INFO, sent, {"email": email})
        return None, adapter.respond_email_verification_sent(request, None)


class AddEmailForm(OwnTextsMixin, account.AddEmailForm):
    """The form for a new e-mail address."""


class ChangePasswordForm(OwnTextsMixin, account.ChangePasswordForm):
    """The form to change a password."""


class SetPasswordForm(OwnTextsMixin, account.SetPasswordForm):
    """The form for the first password of an account."""


class ResetPasswordForm(OwnTextsMixin, account.ResetPasswordForm):
    """The form to ask for a mail with a link to choose a new password."""

    def clean_email(self) -> str:
        """Accept every address: an error would reveal that the address has no account."""
        email: str = self.cleaned_data["email"]
        return email

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        """Return the address. A background thread queues a mail, if the address has an account."""
        outbox.in_background(send_reset, self.cleaned_data["email"])
        return str(self.cleaned_data["email"])


class ResetPasswordKeyForm(OwnTextsMixin, account.ResetPasswordKeyForm):
    """The form to choose a new password. The link in the mail opens the form."""


class ConfirmByPasswordForm(OwnTextsMixin, account.ReauthenticateForm):
    """The form with which a signed-in person confirms who they are, by password."""


class CodeOnceMixin:
    """Mixin for forms with a code of an authenticator app: accept each code only once.

    allauth accepts a code for three periods of 30 seconds. But it remembers for only one period
    that the code was used.
    """

    user: User

    def clean_code(self) -> str:
        code: str = super().clean_code()  # type: ignore[misc]  # of the form beside the mixin
        used = f"accounts.code_used:{self.user.pk}:{normalize_user_code(code)}"
        if not cache.add(
            used, True, settings.MFA_TOTP_PERIOD * (2 * settings.MFA_TOTP_TOLERANCE + 1)
        ):
            raise get_mfa_adapter().validation_error("incorrect_code")
        return code


class SecondStepForm(CodeOnceMixin, OwnTextsMixin, mfa.AuthenticateForm):
    """The second form of a sign-in, which asks for a code of a second factor."""


class ConfirmByCodeForm(CodeOnceMixin, OwnTextsMixin, mfa.ReauthenticateForm):
    """The form with which a signed-in person confirms who they are, by a second factor's code."""


@contextmanager
def report_as_incorrect_code() -> Iterator[None]:
    """Turn an exception of allauth or fido2 into the form error "incorrect_code".

    A client may send any JSON in place of a security key's answer. These libraries then raise
    exceptions of many kinds.
    """
    try:
        yield
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
        struct.error,
    ):
        raise get_mfa_adapter().validation_error("incorrect_code") from None


class KeyField(forms.JSONField):
    """A hidden field with the answer of a passkey. No page repeats the answer: it works once."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Any:
        try:
            answer = super().to_python(value)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise get_mfa_adapter().validation_error("incorrect_code")
        return answer

    def bound_data(self, data: Any, initial: Any) -> Any:
        return initial


class PasskeyForm(forms.Form):
    """Base of forms with a passkey's answer to our challenge. A challenge accepts one answer."""

    credential = KeyField()

    @report_as_incorrect_code()
    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]  # of allauth's form
        finally:
            clear_state()


class SignInByKeyForm(PasskeyForm, webauthn.LoginWebAuthnForm):
    """The form to sign in with a passkey."""

    @report_as_incorrect_code()
    def clean_credential(self) -> Any:
        """Accept only a passkey that has checked its user, for example by a fingerprint or PIN."""
        answer = parse_authentication_response(self.cleaned_data["credential"])
        authenticator = super().clean_credential()
        if not (
            answer.response.authenticator_data.is_user_verified()
            and authenticator.wrap().is_passwordless
        ):
            raise get_mfa_adapter().validation_error("incorrect_code")
        return authenticator


class SecondStepByKeyForm(PasskeyForm, webauthn.AuthenticateWebAuthnForm):
    """The form for a security key as the second step of a sign-in."""


class ConfirmByKeyForm(PasskeyForm, webauthn.ReauthenticateWebAuthnForm):
    """The form with which a signed-in person confirms who they are, by a passkey or key."""


class AddKeyForm(webauthn.AddWebAuthnForm):
    """The form to add a passkey or security key."""

    credential = KeyField()

    def clean_name(self) -> Any:
        """Use the default name if the name is invisible. An error would discard the new key."""
        try:
            must_be_visible(self.cleaned_data["name"])
        except ValidationError:
            self.cleaned_data["name"] = ""
        return super().clean_name()

    @report_as_incorrect_code()
    def clean(self) -> Any:
        """Let the person decide, not the browser, if the key may sign in without a password."""
        cleaned = super().clean()
        if "credential" in cleaned:
            results = {"credProps": {"rk": cleaned["passwordless"]}}
            cleaned["credential"] = {**cleaned["credential"], "clientExtensionResults": results}
        return cleaned


class RenameKeyForm(webauthn.EditWebAuthnForm):
    """The form to rename a key."""

    name = forms.CharField(validators=[must_be_visible])


class SetUpAppForm(OwnTextsMixin, ActivateTOTPForm):
    """The form to set up an authenticator app."""
