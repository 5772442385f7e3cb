"""Conditions about tokens that the filters of lists and the numbers of the overview share."""

from datetime import datetime, timedelta

from django.db.models import F, Q

from tokens.models.choices import UNUSED_AFTER
from tokens.token_settings import token_settings


def unused_condition(now: datetime) -> Q:
    """Return the condition that a token was not used in the last 90 days, and is not younger."""
    since = now - UNUSED_AFTER
    return Q(last_used_at__lte=since) | Q(last_used_at=None, created_at__lte=since)


def too_long_condition() -> Q:
    """Return the condition that a token's whole lifetime is above MAX_TOKEN_LIFETIME_DAYS.

    Without this setting the condition is false for each token.
    """
    max_days = token_settings.MAX_TOKEN_LIFETIME_DAYS
    if max_days is None:
        return Q(pk__in=[])
    return Q(expires_at__gt=F("created_at") + timedelta(days=max_days))


def scope_condition(name: str) -> Q:
    """Return the condition that a token has the scope `name`; "" for tokens without a scope."""
    if not name:
        return Q(scope="")
    first, last = Q(scope__startswith=f"{name} "), Q(scope__endswith=f" {name}")
    return Q(scope=name) | first | last | Q(scope__contains=f" {name} ")
