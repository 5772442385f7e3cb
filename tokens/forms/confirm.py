"""The form in which people confirm who they are, with their password."""

from typing import Any

from django import forms
from django.contrib.auth import authenticate, get_user_model
from django.views.decorators.debug import sensitive_variables

from tokens.authentication.requests import PageRequest
from tokens.core.circuit_breaker import ServiceUnavailable
from tokens.core.form_rendering import PageRenderer
from tokens.rate_limits.counters import hit_confirmation


class ConfirmForm(forms.Form):
    """The password of the person who is signed in."""

    default_renderer = PageRenderer

    password = forms.CharField(
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Type your password."},
    )

    def __init__(self, *args: Any, request: PageRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    @sensitive_variables()
    def clean_password(self) -> str:
        """Check the password, as signing in does. Only a few attempts are possible."""
        password: str = self.cleaned_data["password"]
        user = self.request.user
        try:
            attempts = hit_confirmation(str(user.pk))
        except ServiceUnavailable:
            raise forms.ValidationError(
                "Your password can't be checked at the moment. Try again in a few seconds."
            ) from None
        if not attempts.admitted:
            raise forms.ValidationError(
                f"Too many attempts. Wait {attempts.retry_after} seconds, then try again."
            )
        name = {get_user_model().USERNAME_FIELD: user.get_username()}
        if authenticate(self.request, password=password, **name) != user:
            raise forms.ValidationError("That is not your password.")
        return password
