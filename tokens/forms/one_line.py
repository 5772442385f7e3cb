"""Validators of a name or description: one line of text that people can see, without a secret."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

from tokens.core.redaction import without_secrets
from tokens.core.text import NOT_ONE_LINE, NOTHING_VISIBLE, is_visible

NO_CONTROL_CHARACTERS = RegexValidator(
    NOT_ONE_LINE, "This is one line of text, without control characters.", inverse_match=True
)


def ensure_no_secret(name: str) -> None:
    """Raise ValidationError if `name` contains the secret value of a token.

    People paste such values by mistake. A name is stored and shown, so it must not be a secret.
    """
    if without_secrets(name) != name:
        raise ValidationError(
            "This looks like a token's value. Revoke that token if it is one, and try again."
        )


def ensure_visible(name: str) -> None:
    """Raise ValidationError if `name` has only invisible characters: nobody could click on it."""
    if name.strip() and not is_visible(name):
        raise ValidationError(NOTHING_VISIBLE)


ONE_LINE_VALIDATORS: list[Callable[[Any], None]] = [
    NO_CONTROL_CHARACTERS,
    ensure_no_secret,
    ensure_visible,
]
