"""Passwords: hashing one at a time, the normal form (Unicode NFKC), and two validators."""

import unicodedata
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from tokens.core.slow_hashing import one_at_a_time

MAX_NORMALIZED = 1_000  # characters; no valid password is longer than 128


class OneAtATimeHasher(Argon2PasswordHasher):
    """Hash passwords with Argon2id, one password at a time in each process.

    NOTE: Many sign-ins at once must not take all processors and much memory from the API. So each
    process hashes one password at a time. Memory and passes are those of the second recommended
    option of RFC 9106 (section 4), and more than OWASP asks for (46 MiB and one pass). Django's
    default, 100 MB, would add a third to the memory of a worker. There is one lane
    (`parallelism`), because more lanes would use several processors at once. A hash with other
    parameters is replaced when the person signs in.
    """

    time_cost = 3
    memory_cost = 65_536  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        return one_at_a_time(super().encode, password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        return one_at_a_time(super().verify, password, encoded)


def normalized(password: str) -> str:
    """Return the Unicode normal form NFKC of `password` (NIST SP 800-63B-4 section 3.1.1.2).

    Different keyboards encode the same “é” differently, and the normal form is the same for all. A
    text of more than MAX_NORMALIZED characters is returned unchanged: to normalize it could take
    long, and would block all other threads.
    """
    return password if len(password) > MAX_NORMALIZED else unicodedata.normalize("NFKC", password)


class NormalFormValidator:
    """Apply all password rules also to the normal form (Unicode NFKC) of the password.

    Passwords are compared in this form. It may be shorter or more common than the typed password.
    """

    def validate(self, password: str, user: Any = None) -> None:
        if normalized(password) != password:
            validate_password(normalized(password), user)

    def get_help_text(self) -> str:
        return "You may use any characters. An é from any keyboard counts as the same é."


class MaximumLengthValidator:
    """Refuse passwords longer than `max_length` characters, because hashing them takes long."""

    def __init__(self, max_length: int) -> None:
        self.max_length = max_length

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        if len(password) > self.max_length:
            raise ValidationError(
                f"This password is too long. It may have at most {self.max_length} characters.",
                "password_too_long",
            )

    def get_help_text(self) -> str:
        return "15 characters or more are good: use a sentence or a password manager."
