"""The record: what happened to each token, written once, in the transaction of the change itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.http import HttpRequest
from django.utils import timezone

from tokens import credential
from tokens.redaction import redact

if TYPE_CHECKING:
    from tokens.models.token import Token

NAME_LENGTH = 100


class EventQuerySet(models.QuerySet["Event"]):
    """Events are written once: nothing here changes or deletes one."""

    def owned_by(self, user: AbstractBaseUser) -> Self:
        return self.filter(owner_id=user.pk)

    def update(self, **kwargs: Any) -> NoReturn:
        raise TypeError("Events are append-only.")

    def delete(self) -> NoReturn:
        raise TypeError("Events are append-only.")


class Event(models.Model):
    """Something that happened to a token: what, when, by whom and from where."""

    class Kind(models.TextChoices):
        CREATED = "created", "Created"
        CHANGED = "changed", "Changed"
        LIMITED = "limited", "Rate limit changed"
        RENEWED = "renewed", "Renewed"
        REVOKED = "revoked", "Revoked"

    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    detail = models.CharField(max_length=200, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="token_events"
    )
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    token = models.ForeignKey("tokens.Token", on_delete=models.SET_NULL, null=True, related_name="events")
    token_name = models.CharField(max_length=NAME_LENGTH)
    identifier = models.CharField(max_length=credential.IDENTIFIER_LENGTH)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=200)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["owner", "-at"], name="event_owner_at")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.identifier}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("Events are append-only.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("Events are append-only.")

    @classmethod
    def record(cls, kind: Kind, token: Token, request: HttpRequest | None, detail: str = "") -> None:
        """Write down what happened to `token`; `request` says by whom and from where, None is the command line."""
        user = getattr(request, "user", None)
        cls.objects.create(
            kind=kind,
            detail=detail,
            owner_id=token.owner_id,
            actor_id=user.pk if user else None,
            token=token,
            token_name=token.name,
            identifier=token.identifier,
            address=(request.META.get("REMOTE_ADDR") or None) if request else None,
            user_agent=redact(request.headers.get("User-Agent", ""))[:200] if request else "",
        )
