"""The one rule for passwords that Django does not bring."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError


class MaximumLengthValidator:
    """Refuse passwords so long that hashing them is a burden."""

    def __init__(self, max_length: int) -> None:
        self.max_length = max_length

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        if len(password) > self.max_length:
            raise ValidationError(
                f"This password is too long. It may have {self.max_length} characters.", "password_too_long"
            )

    def get_help_text(self) -> str:
        return "A sentence of 15 characters or more is good; paste it from a password manager."
