"""Idempotency keys: a client that repeats a request with the same key makes no second token."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from tokens.models.token import Token

KEY_LENGTH = 255
KEY_LIFETIME = timedelta(hours=24)


class KeyReused(Exception):
    """The calling token sent this Idempotency-Key before, with another request."""


class IdempotencyKeyQuerySet(models.QuerySet["IdempotencyKey"]):
    """Queries for idempotency keys."""

    def made_before(self, token: Token, key: str, fingerprint: str) -> Token | None:
        """Return the token that an earlier request with this key made, or None.

        The earlier request came with `token`, in the last 24 hours. Older rows of the key are
        deleted. Raise KeyReused if the earlier request had another fingerprint (a hash of the
        request), or if its token has another owner now. Call this method and then `create` inside
        one `Token.objects.locked_for(owner)`, so that no other request with the same key runs
        between the two.
        """
        same = self.filter(token=token, key=key)
        now = timezone.now()
        # A time in the far future comes from a clock that was wrong.
        same.exclude(at__gt=now - KEY_LIFETIME, at__lt=now + KEY_LIFETIME).delete()
        earlier = same.select_related("made__owner", "made__renewed_from").first()
        if earlier is None:
            return None
        # If one of the two tokens was handed over, the answer would tell about another owner.
        if earlier.fingerprint != fingerprint or earlier.made.owner_id != token.owner_id:
            raise KeyReused
        return earlier.made


class IdempotencyKey(models.Model):
    """A key that `token` sent, the fingerprint of the request, and the token that it made."""

    token = models.ForeignKey(
        "tokens.Token", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    key = models.CharField(max_length=KEY_LENGTH)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of the request, in hexadecimal
    made = models.ForeignKey("tokens.Token", on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects = IdempotencyKeyQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["at"], name="idempotency_key_at")]
        constraints = [
            models.UniqueConstraint(fields=["token", "key"], name="idempotency_key_once")
        ]

    def __str__(self) -> str:
        return self.key
