"""What a row keeps of a token's value."""

from __future__ import annotations

from typing import NamedTuple

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from tokens import credential


class Digest(NamedTuple):
    """HMAC-SHA-256 of a value, and the number of the pepper that keyed it."""

    digest: str
    pepper: int

    @classmethod
    @sensitive_variables()
    def of(cls, value: str) -> Digest:
        """The digest of `value` under the newest pepper."""
        number = max(settings.TOKEN_PEPPERS)
        return cls(credential.digest(value, settings.TOKEN_PEPPERS[number]), number)
