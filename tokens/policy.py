"""May this token make this request? Pure: plain facts in, the code of a refusal or None out."""

from datetime import datetime
from typing import Protocol


class Facts(Protocol):
    """What a decision needs to know of a token whose secret is proven."""

    @property
    def revoked_at(self) -> datetime | None: ...
    @property
    def expires_at(self) -> datetime: ...
    @property
    def owner_is_active(self) -> bool: ...


def check(token: Facts, now: datetime) -> str | None:
    """The code of the first reason to refuse, or None. A token is expired at the instant `expires_at`."""
    if token.revoked_at is not None:
        return "revoked_token"
    if token.expires_at <= now:
        return "expired_token"
    if not token.owner_is_active:
        return "inactive_owner"
    return None
