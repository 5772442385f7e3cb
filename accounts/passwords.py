"""What Django does not bring for passwords: their normal form, and two rules."""

import unicodedata
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

MAX_NORMALIZED = 1_000  # characters; a password has 128 at most


def normalized(password: str) -> str:
    """Return `password` in NFKC (NIST SP 800-63B-4 section 3.1.1.2): keyboards spell the same “é” differently.

    A text that is too long for a password stays as it is. Normalizing takes a time that grows with the square of the
    length, and no other thread runs meanwhile.
    """
    return password if len(password) > MAX_NORMALIZED else unicodedata.normalize("NFKC", password)


class NormalFormValidator:
    """Hold the normal form against all rules too: that is what gets compared, and it may be short or common."""

    def validate(self, password: str, user: Any = None) -> None:
        if normalized(password) != password:
            validate_password(normalized(password), user)

    def get_help_text(self) -> str:
        return "Any characters do; however a keyboard spells é, it counts as the same."


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
