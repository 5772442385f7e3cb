"""What a program asked for once, so that asking again makes nothing twice."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from tokens.models.token import Token

KEY_LENGTH = 255
REMEMBERED = timedelta(hours=24)


class KeyReused(Exception):
    """The calling token sent this Idempotency-Key before, with another request."""


class IdempotencyKeyQuerySet(models.QuerySet["IdempotencyKey"]):
    def made_before(self, token: Token, key: str, fingerprint: str) -> Token | None:
        """What a request of `token` with this key made in the last 24 hours; an older key is forgotten here.

        Raises KeyReused where that request had another fingerprint. Call this, and `create` after it, in one
        `Token.objects.turn_of` the owner, so that nothing comes between.
        """
        same = self.filter(token=token, key=key)
        same.filter(at__lte=timezone.now() - REMEMBERED).delete()
        earlier = same.select_related("made__owner", "made__renewed_from").first()
        if earlier is None:
            return None
        if earlier.fingerprint != fingerprint:
            raise KeyReused
        return earlier.made


class IdempotencyKey(models.Model):
    """A key of the calling token, what it asked for with it, and the token that this made."""

    token = models.ForeignKey("tokens.Token", on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=KEY_LENGTH)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of the request, in hexadecimal
    made = models.ForeignKey("tokens.Token", on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects = IdempotencyKeyQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["at"], name="idempotency_key_at")]
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="idempotency_key_once")]

    def __str__(self) -> str:
        return self.key
