"""What people type about a token."""

import secrets
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tokens.lifetime import DEFAULT, LIFETIMES, Lifetime
from tokens.models import NAME_LENGTH, Environment
from tokens.redaction import without_secrets

NO_CONTROL_CHARACTERS = RegexValidator(
    r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]",
    "A name is one line of text without control characters.",
    inverse_match=True,
)


def not_a_token(name: str) -> None:
    """People paste in the wrong field, and names are shown and stored."""
    if without_secrets(name) != name:
        raise ValidationError("This looks like a token's value. Revoke that token if it is one, and give a name here.")


PREFILLED = ("name", "environment", "expires")  # what a link to the form may fill in


class TokenForm(forms.Form):
    """Name, environment and expiration of a new token."""

    name = forms.CharField(
        label="Token name",
        max_length=NAME_LENGTH,
        validators=[NO_CONTROL_CHARACTERS, not_a_token],
        help_text="What will use it? Give each application and environment its own.",
        widget=forms.TextInput(attrs={"placeholder": "Production API", "autocomplete": "off"}),
        error_messages={"required": "Give the token a name, so that you know it again: “Production API”, say."},
    )
    environment = forms.ChoiceField(
        label="Environment", choices=Environment.choices, initial=Environment.PRODUCTION, widget=forms.RadioSelect
    )
    expires = forms.ChoiceField(
        label="Expiration",
        choices=lambda: [(key, describe(lifetime)) for key, lifetime in LIFETIMES.items()],
        initial=DEFAULT,
        widget=forms.RadioSelect,
    )
    nonce = forms.RegexField(
        r"^[\w-]{16,32}$",
        widget=forms.HiddenInput,
        initial=lambda: secrets.token_urlsafe(16),
        error_messages={"required": "This form is incomplete. Reload the page and send it again."},
    )

    def add_error(self, field: str | None, error: Any) -> None:
        """Besides, put the focus where the error is."""
        super().add_error(field, error)
        if field == "name":  # the one that people type; the others can only be wrong by tampering
            self.fields[field].widget.attrs["autofocus"] = True

    @property
    def lifetime(self) -> Lifetime:
        return LIFETIMES[self.cleaned_data["expires"]]


def describe(lifetime: Lifetime) -> SafeString:
    """A choice of expiration with its use and the date that it would expire on."""
    end = lifetime.end(timezone.now())
    return format_html(
        "{} <small>{}</small> <small>until {}</small>", lifetime.label, lifetime.use, date_format(end, "j M Y")
    )


def prefill(query: dict[str, str]) -> dict[str, str]:
    """Initial values from a link such as `?name=Deploy&expires=30d&environment=test`; unknown values are left out."""
    known: dict[str, Any] = {"environment": Environment.values, "expires": LIFETIMES}
    return {key: query[key] for key in PREFILLED if query.get(key) and (key not in known or query[key] in known[key])}
