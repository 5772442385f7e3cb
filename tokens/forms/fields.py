"""The form fields for scopes (permissions of a token) and for allowed addresses."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from tokens.core import networks
from tokens.models.scope import MAX_TOKEN_SCOPES


class ScopesField(forms.MultipleChoiceField):
    """A field for the names of scopes. The form sets the scopes that may be chosen."""

    def validate(self, value: list[str]) -> None:
        """Raise ValidationError if a scope may not be chosen, or if there are too many scopes."""
        if missing := [name for name in value if not self.valid_value(name)]:
            raise ValidationError(unavailable_scopes_message(missing[:MAX_TOKEN_SCOPES]))
        if len(value) > MAX_TOKEN_SCOPES:
            raise ValidationError(f"A token has {MAX_TOKEN_SCOPES} scopes at most: choose fewer.")


def unavailable_scopes_message(names: Collection[str]) -> str:
    """Return the error message for scopes that the owner may not give to a token now."""
    return f"Not yours to give now: {', '.join(names)}. The rest of your choice is kept."


class AddressesInput(forms.Textarea):
    """A text area for addresses, one on each line, with checkboxes that add more addresses.

    Text area and checkboxes have the same name. Their values are joined.
    """

    def value_from_datadict(self, data: Any, files: Any, name: str) -> str:
        return "\n".join(filter(None, data.getlist(name)))


class AddressesField(forms.CharField):
    """A field for IP addresses and networks. The cleaned value is a list of networks."""

    widget = AddressesInput

    def clean(self, value: Any) -> Any:
        try:
            return networks.parse_networks(super().clean(value))
        except ValueError as error:
            raise ValidationError(list(error.args)) from None
