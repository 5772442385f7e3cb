"""The words for what a token is for and how it stands, and for why something can't be done with it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from tokens.models.token import Token

EXPIRING_SOON = timedelta(days=14)
UNUSED = timedelta(days=90)


class Environment(models.TextChoices):
    PRODUCTION = "live", "Production"
    STAGING = "test", "Staging"
    DEVELOPMENT = "dev", "Development"


class Status(models.TextChoices):
    """A retiring token was renewed, and works on until the overlap with its successor ends."""

    ACTIVE = "active", "Active"
    EXPIRING_SOON = "expiring", "Expiring soon"
    RETIRING = "retiring", "Retiring"
    EXPIRED = "expired", "Expired"
    REVOKED = "revoked", "Revoked"


class TokenLimitReached(Exception):
    """The owner already has as many active tokens as allowed: `limit`."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class LifetimeTooLong(Exception):
    """A token may be made for `days` days at most."""

    def __init__(self, days: int) -> None:
        super().__init__(days)
        self.days = days


class WouldWiden(Exception):
    """The change gives a token more scopes or addresses than it has, which was not agreed to."""


class FormAlreadySent(Exception):
    """The form that asked for a token was sent before; `token` is what it made then."""

    def __init__(self, token: Token) -> None:
        super().__init__(token.identifier)
        self.token = token


class ScopeNotAllowed(Exception):
    """The owner may not give a token these scopes: they do not exist, or belong to a group of others."""

    def __init__(self, names: Collection[str]) -> None:
        super().__init__(*names)
        self.names = sorted(names)


class TokenRevoked(Exception):
    """What was asked can't be done with a revoked token."""


class AlreadyRenewed(Exception):
    """The token has a successor, `successor`, that is not revoked: there is never more than one."""

    def __init__(self, successor: Token) -> None:
        super().__init__(successor.identifier)
        self.successor = successor
