"""The environments and statuses of tokens, and how a token's status is computed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Case, Value, When

if TYPE_CHECKING:
    from tokens.models.token import Token

EXPIRING_SOON = timedelta(days=14)
UNUSED_AFTER = timedelta(days=90)


class Environment(models.TextChoices):
    """Where a token is used. The value stands in the token's identifier."""

    PRODUCTION = "live", "Production"
    STAGING = "test", "Staging"
    DEVELOPMENT = "dev", "Development"


class Status(models.TextChoices):
    """The status of a token on pages.

    RETIRING: the token was renewed, but still works until the overlap with its successor ends.
    """

    ACTIVE = "active", "Active"
    EXPIRING_SOON = "expiring", "Expiring soon"
    RETIRING = "retiring", "Retiring"
    EXPIRED = "expired", "Expired"
    REVOKED = "revoked", "Revoked"


def status_at(now: datetime, token: Token) -> Status:
    """Return the status that pages show for `token` at the time `now`.

    A token is expired at the instant `expires_at`. `authentication.policy.check_validity`
    decides the same for API requests.
    """
    if token.revoked_at is not None:
        return Status.REVOKED
    if token.expires_at <= now:
        return Status.EXPIRED
    if token.renewed_at is not None:
        return Status.RETIRING
    if token.expires_at <= now + EXPIRING_SOON:
        return Status.EXPIRING_SOON
    return Status.ACTIVE


def status_expression(now: datetime) -> Case:
    """Return an SQL expression that gives the same status as `status_at`."""
    return Case(
        When(revoked_at__isnull=False, then=Value(Status.REVOKED)),
        When(expires_at__lte=now, then=Value(Status.EXPIRED)),
        When(renewed_at__isnull=False, then=Value(Status.RETIRING)),
        When(expires_at__lte=now + EXPIRING_SOON, then=Value(Status.EXPIRING_SOON)),
        default=Value(Status.ACTIVE),
        output_field=models.CharField(),
    )
