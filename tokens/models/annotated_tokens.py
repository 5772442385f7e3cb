"""Queries for tokens that annotate a value, such as the status, and queries about secret keys."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db.models import BooleanField, ExpressionWrapper, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from tokens.models.choices import Status, status_expression
from tokens.models.conditions import unused_condition
from tokens.models.event import Event
from tokens.models.locking import LockingQuerySet
from tokens.token_settings import token_settings


class AnnotatedTokens(LockingQuerySet):
    """The part of TokenQuerySet that annotates values, and looks for missing keys."""

    def active(self, now: datetime | None = None) -> Self:
        """Return the tokens that still work: neither revoked nor expired."""
        return self.filter(revoked_at=None, expires_at__gt=now or timezone.now())

    def missing_peppers(self) -> list[int]:
        """Return the numbers of the peppers that active tokens need and TOKEN_PEPPERS lacks.

        A pepper is a secret key. The stored digest of a token is computed with it.
        """
        lacking = self.active().exclude(pepper__in=token_settings.PEPPERS).order_by("pepper")
        lacking = lacking.exclude(digest="")  # an imported token that was never used
        return list(lacking.values_list("pepper", flat=True).distinct())

    def missing_prefix(self) -> str:
        """Return a prefix such as "tkn" of an active token that TOKEN_PREFIX lacks, or ""."""
        known = [("identifier__startswith", f"{prefix}_") for prefix in token_settings.PREFIX]
        lacking = self.active().exclude(Q(*known, _connector=Q.OR)).order_by()
        found = lacking.values_list("identifier", flat=True)[:1]
        return next((identifier.partition("_")[0] for identifier in found), "")

    def with_last_change(self) -> Self:
        """Annotate `changed_at`: the time of the token's newest event, or else of its creation."""
        events = Event.objects.filter(owner=OuterRef("owner"), identifier=OuterRef("identifier"))
        newest = Subquery(events.values("at")[:1])
        return self.annotate(changed_at=Greatest("created_at", Coalesce(newest, "created_at")))

    def with_successor(self) -> Self:
        """Annotate `successor_identifier`: that of the token that replaced this token, or None."""
        successors = self.model.objects.filter(renewed_from=OuterRef("pk"), revoked_at=None)
        return self.annotate(successor_identifier=Subquery(successors.values("identifier")[:1]))

    def with_unused(self, now: datetime | None = None) -> Self:
        """Annotate `unused`: True if the token was not used in the last 90 days.

        It is False for a token younger than 90 days.
        """
        unused = unused_condition(now or timezone.now())
        return self.annotate(unused=ExpressionWrapper(unused, output_field=BooleanField()))

    def unused(self) -> Self:
        """Return the tokens that were not used for 90 days. Call `with_unused` before."""
        return self.filter(unused=True)

    def with_status(self, now: datetime | None = None) -> Self:
        """Annotate `current_status`: the value of `Token.status`, computed by the database."""
        return self.annotate(current_status=status_expression(now or timezone.now()))

    def in_status(self, *statuses: Status) -> Self:
        """Return the tokens whose status is one of `statuses`. Call `with_status` before."""
        return self.filter(current_status__in=statuses)
