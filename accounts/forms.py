"""What people type about themselves."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from zoneinfo import available_timezones

from allauth.account import forms as account
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.email_verification import consume_email_verification_rate_limit
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.adapter import get_adapter as get_mfa_adapter
from allauth.mfa.base import forms as mfa
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn import forms as webauthn
from allauth.mfa.webauthn.internal.auth import clear_state, parse_authentication_response
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest, HttpResponse

from accounts import outbox, registry
from accounts.by_mail import origin_of, send_reset, sign_up
from accounts.models import Theme, User
from accounts.names import visible
from accounts.passwords import normalized
from accounts.words import HELP, LABELS

EMAIL_LENGTH = 254  # of the columns


class InOurWords:
    """A form of allauth's with our labels and help, and without placeholders that repeat them."""

    fields: dict[str, forms.Field]
    labels = LABELS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.label = self.labels.get(name, field.label)
            field.widget.attrs.pop("placeholder", None)
            field.help_text = HELP.get(name, field.help_text)
            if isinstance(field, forms.EmailField):
                field.validators.append(MaxLengthValidator(EMAIL_LENGTH))
                field.widget.attrs["maxlength"] = str(EMAIL_LENGTH)


class SignInForm(InOurWords, account.LoginForm):  # type: ignore[misc]
    pass


class SignUpForm(InOurWords, account.SignupForm):  # type: ignore[misc]
    labels = LABELS | {"password1": "Password"}

    def validate_unique_email(self, value: str) -> str:
        """Look nobody up: the outbox does."""
        return value

    def try_save(self, request: HttpRequest) -> tuple[None, HttpResponse]:
        """Answer every address alike; its owner hears by mail what became of it."""
        email, password = self.cleaned_data["email"], make_password(normalized(self.cleaned_data["password1"]))
        adapter = get_adapter()
        if consume_email_verification_rate_limit(request, email):
            outbox.in_background(sign_up, email, password, origin_of(request))
            sent = "account/messages/email_confirmation_sent.txt"
            adapter.add_message(request, messages.INFO, sent, {"email": email})
        return None, adapter.respond_email_verification_sent(request, None)


class AddEmailForm(InOurWords, account.AddEmailForm):  # type: ignore[misc]
    pass


class ChangePasswordForm(InOurWords, account.ChangePasswordForm):  # type: ignore[misc]
    pass


class SetPasswordForm(InOurWords, account.SetPasswordForm):  # type: ignore[misc]
    pass


class ResetPasswordForm(InOurWords, account.ResetPasswordForm):  # type: ignore[misc]
    def clean_email(self) -> str:
        """Look nobody up: the outbox does."""
        email: str = self.cleaned_data["email"]
        return email

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        """Answer every address alike; the owner of an account hears by mail."""
        outbox.in_background(send_reset, self.cleaned_data["email"])
        return str(self.cleaned_data["email"])


class ResetPasswordKeyForm(InOurWords, account.ResetPasswordKeyForm):  # type: ignore[misc]
    pass


class ConfirmByPasswordForm(InOurWords, account.ReauthenticateForm):  # type: ignore[misc]
    pass


class CodeOnce:
    """A code that was right is good no second time: allauth remembers it for one period, and takes it in three."""

    user: User

    def clean_code(self) -> str:
        code: str = super().clean_code()  # type: ignore[misc]
        used = f"accounts.code_used:{self.user.pk}:{normalize_user_code(code)}"
        if not cache.add(used, True, settings.MFA_TOTP_PERIOD * (2 * settings.MFA_TOTP_TOLERANCE + 1)):
            raise get_mfa_adapter().validation_error("incorrect_code")
        return code


class SecondStepForm(CodeOnce, InOurWords, mfa.AuthenticateForm):  # type: ignore[misc]
    pass


class ConfirmByCodeForm(CodeOnce, InOurWords, mfa.ReauthenticateForm):  # type: ignore[misc]
    pass


@contextmanager
def unreadable_is_wrong() -> Iterator[None]:
    """What comes as the answer of a key may be anything, and allauth and fido2 trip over some of it."""
    try:
        yield
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError, struct.error):
        raise get_mfa_adapter().validation_error("incorrect_code") from None


class KeyField(forms.JSONField):
    """The answer of a passkey or security key. It is good once, so it is never shown again."""

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


class ByKey(forms.Form):
    """The answer of a key to a challenge, which is good for one answer."""

    credential = KeyField()

    @unreadable_is_wrong()
    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]
        finally:
            clear_state()


class SignInByKeyForm(ByKey, webauthn.LoginWebAuthnForm):  # type: ignore[misc]
    @unreadable_is_wrong()
    def clean_credential(self) -> Any:
        """Take only a passkey, and only from somebody whom the passkey verified, whatever the challenge asked for."""
        answer = parse_authentication_response(self.cleaned_data["credential"])
        authenticator = super().clean_credential()
        if not (answer.response.authenticator_data.is_user_verified() and authenticator.wrap().is_passwordless):
            raise get_mfa_adapter().validation_error("incorrect_code")
        return authenticator


class SecondStepByKeyForm(ByKey, webauthn.AuthenticateWebAuthnForm):  # type: ignore[misc]
    pass


class ConfirmByKeyForm(ByKey, webauthn.ReauthenticateWebAuthnForm):  # type: ignore[misc]
    pass


class AddKeyForm(webauthn.AddWebAuthnForm):  # type: ignore[misc]
    credential = KeyField()

    def clean_name(self) -> Any:
        """The key is made already, so that a name which nobody sees is replaced, as a missing one is."""
        try:
            visible(self.cleaned_data["name"])
        except ValidationError:
            self.cleaned_data["name"] = ""
        return super().clean_name()

    @unreadable_is_wrong()
    def clean(self) -> Any:
        """Keep what the person chose, where browsers say whether the key could: only a passkey signs in alone."""
        cleaned = super().clean()
        if "credential" in cleaned:
            results = {"credProps": {"rk": cleaned["passwordless"]}}
            cleaned["credential"] = {**cleaned["credential"], "clientExtensionResults": results}
        return cleaned


class RenameKeyForm(webauthn.EditWebAuthnForm):  # type: ignore[misc]
    name = forms.CharField(validators=[visible])


class SetUpAppForm(InOurWords, ActivateTOTPForm):  # type: ignore[misc]
    pass


class ProfileForm(forms.ModelForm):
    """Name, time zone, theme, and what other applications offer. The e-mail address has a page of its own, because a
    new one must be verified."""

    theme = forms.ChoiceField(label="Theme", choices=Theme.choices, required=False, widget=forms.RadioSelect)
    time_zone = forms.ChoiceField(
        label="Time zone",
        choices=lambda: [(name, name.replace("_", " ")) for name in sorted(available_timezones())],
        help_text="Times on these pages are shown in it. The API always speaks UTC.",
    )

    class Meta:
        model = User
        fields = ("name", "time_zone", "theme")
        labels = {"name": "Name"}
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for offered in registry.choices:
            self.fields[offered.key] = forms.MultipleChoiceField(
                label=offered.label,
                help_text=offered.help,
                choices=list(offered.options.items()),
                initial=offered.read(self.instance),
                required=False,
                widget=forms.CheckboxSelectMultiple,
            )

    @property
    def offered(self) -> list[forms.BoundField]:
        """The fields of other applications, for the template."""
        return [self[offered.key] for offered in registry.choices]

    def save(self, commit: bool = True) -> Any:
        saved = super().save(commit)
        for offered in registry.choices:
            offered.write(saved, self.cleaned_data[offered.key])
        return saved
