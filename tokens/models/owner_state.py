"""Whether the account of a token's owner is switched on, and what that means for the token."""

from __future__ import annotations

from datetime import datetime
from typing import Any


class OwnerState:
    """The part of a token that asks for the state of its owner."""

    owner: Any
    outlives_owner: Any

    @property
    def owner_is_active(self) -> bool:
        """Return True if the owner's account is switched on, or if the token outlives it."""
        return bool(self.owner.is_active or self.outlives_owner)

    @property
    def owner_leaves_at(self) -> datetime | None:
        """Return until when the tokens of the owner work, whose account is switched off.

        Return None if the account is switched on, or if the token does not outlive it.
        """
        if self.owner.is_active or not self.outlives_owner:
            return None
        leaver = getattr(self.owner, "token_leaver", None)
        until: datetime | None = leaver and leaver.until
        return until
