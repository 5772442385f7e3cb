"""What people type about themselves."""

from typing import Any
from zoneinfo import available_timezones

from allauth.account import forms as account
from allauth.account.adapter import get_adapter
from allauth.mfa.base import forms as mfa
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from accounts.models import Theme, User
from accounts.words import HELP, LABELS


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


class SignInForm(InOurWords, account.LoginForm):  # type: ignore[misc]
    pass


class SignUpForm(InOurWords, account.SignupForm):  # type: ignore[misc]
    labels = LABELS | {"password1": "Password"}

    def validate_unique_email(self, value: str) -> str:
        """An account that only asks to move to an address has no say in who signs up with it."""
        email: str = get_adapter().validate_unique_email(value)
        self.account_already_exists = User.objects.filter(email=email).exists()
        return email

    def try_save(self, request: HttpRequest) -> Any:
        """Hash the password for a known address too: it takes most of the time that making an account takes."""
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])
        return super().try_save(request)


class AddEmailForm(InOurWords, account.AddEmailForm):  # type: ignore[misc]
    pass


class ChangePasswordForm(InOurWords, account.ChangePasswordForm):  # type: ignore[misc]
    pass


class SetPasswordForm(InOurWords, account.SetPasswordForm):  # type: ignore[misc]
    pass


class ResetPasswordForm(InOurWords, account.ResetPasswordForm):  # type: ignore[misc]
    def clean_email(self) -> str:
        """An account that only asks to move to an address is not its owner's: no link to it goes there."""
        email: str = super().clean_email()
        self.users = [user for user in self.users if user.email == email.lower()]
        return email


class ResetPasswordKeyForm(InOurWords, account.ResetPasswordKeyForm):  # type: ignore[misc]
    pass


class ConfirmByPasswordForm(InOurWords, account.ReauthenticateForm):  # type: ignore[misc]
    pass


class SecondStepForm(InOurWords, mfa.AuthenticateForm):  # type: ignore[misc]
    pass


class ConfirmByCodeForm(InOurWords, mfa.ReauthenticateForm):  # type: ignore[misc]
    pass


class SetUpAppForm(InOurWords, ActivateTOTPForm):  # type: ignore[misc]
    pass


class ProfileForm(forms.ModelForm):
    """Name, time zone and theme. The e-mail address has a page of its own, because a new one must be verified."""

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
