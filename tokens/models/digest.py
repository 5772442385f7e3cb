"""The digest that the database stores in place of a token's value."""

from __future__ import annotations

from typing import NamedTuple

from django.views.decorators.debug import sensitive_variables

from tokens.authentication import credentials
from tokens.token_settings import token_settings


class Digest(NamedTuple):
    """The HMAC-SHA-256 of a token's value, which is stored in place of the value.

    `pepper` is the number of the pepper, the secret key of the HMAC.
    """

    digest: str
    pepper: int

    @classmethod
    @sensitive_variables()
    def of(cls, value: str) -> Digest:
        """Return the digest of `value`, made with the current pepper (the secret key)."""
        number = token_settings.PEPPER_CURRENT
        return cls(credentials.digest(value, token_settings.PEPPERS[number]), number)
