"""The record: what happened to each token and account, written once, a token's in the transaction of the change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn, Self

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from tokens import credential
from tokens.models.kinds import KINDS, AccountKind, TokenKind
from tokens.models.lookups import folded
from tokens.redaction import redact

if TYPE_CHECKING:
    from tokens.models.token import Token

NAME_LENGTH = 100
DETAIL_LENGTH = AGENT_LENGTH = 200


class EventQuerySet(models.QuerySet["Event"]):
    """Events are written once: nothing here changes or deletes one."""

    def owned_by(self, user: AbstractBaseUser) -> Self:
        return self.filter(owner_id=user.pk)

    def before(self, at: datetime, pk: int) -> Self:
        """Those that stand after this one in the list, which begins with the newest."""
        return self.filter(at__lte=at).exclude(at=at, pk__gte=pk)

    def after(self, at: datetime, pk: int) -> Self:
        """Those that stand before this one in the list."""
        return self.filter(at__gte=at).exclude(at=at, pk__lte=pk)

    def search(self, text: str) -> Self:
        """Those that say `text` somewhere where their owner can read it."""
        kinds = [value for value, label in KINDS if folded(text) in folded(str(label))]
        origin = Q(address__icontains=text) | Q(user_agent__icontains=text)
        shown = Q(actor=None) | Q(actor=models.F("owner"))
        said = Q(token_name__says=text) | Q(identifier__icontains=text) | Q(detail__says=text)
        return self.filter(said | Q(kind__in=kinds) | (origin & shown)) if text else self

    def update(self, **kwargs: Any) -> NoReturn:
        raise TypeError("Events are append-only.")

    def delete(self) -> NoReturn:
        raise TypeError("Events are append-only.")

    def bulk_create(self, objs: Iterable[Event], batch_size: int | None = None) -> list[Event]:  # type: ignore[override]
        """As Django's, without its ways to write over rows."""
        return super().bulk_create(objs, batch_size)


class Event(models.Model):
    """Something that happened to a token or an account: what, when, by whom and from where."""

    Kind = TokenKind

    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=20, choices=KINDS)
    detail = models.CharField(max_length=DETAIL_LENGTH, blank=True)
    # No way back from the person or the token: Django's related managers would change what the one below does not.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )  # other indexes begin with it
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    token = models.ForeignKey("tokens.Token", on_delete=models.SET_NULL, null=True, related_name="+")
    token_name = models.CharField(max_length=NAME_LENGTH, blank=True)  # this and the next: "" for an account's
    identifier = models.CharField(max_length=credential.IDENTIFIER_LENGTH, blank=True)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=AGENT_LENGTH)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["owner", "-at", "-id"], name="event_owner"),
            models.Index(fields=["owner", "kind", "-at", "-id"], name="event_kind"),
            models.Index(fields=["owner", "identifier", "-at", "-id"], name="event_identifier"),
            models.Index(fields=["-at", "-id"], name="event_at"),  # administration; prune
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.identifier}".strip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new row, always: with a key given, Django would first try to change that one."""
        if not self._state.adding:
            raise TypeError("Events are append-only.")
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("Events are append-only.")

    @property
    def who(self) -> str:
        """Who did it, as its owner reads it: an administrator has no name here."""
        if self.actor_id is not None:
            return "you" if self.actor_id == self.owner_id else "an administrator"
        return "nobody signed in" if self.address or self.user_agent else "the command line"

    @property
    def shows_origin(self) -> bool:
        """Whether its owner may read from where it was done: of an administrator that is nobody else's."""
        return self.actor_id in {None, self.owner_id}

    @classmethod
    def record(cls, kind: TokenKind, token: Token, request: HttpRequest | None, detail: str = "") -> None:
        """Write down what happened to `token`; `request` says by whom, with which token and from where, None is the
        command line."""
        if caller := getattr(request, "token", None):  # else "by you" would be all that is known of a program's doing
            detail = f"{detail}, with {caller.identifier}".removeprefix(", ")
        token_columns = {"token": token, "token_name": token.name, "identifier": token.identifier}
        cls.objects.create(kind=kind, owner_id=token.owner_id, detail=detail, **token_columns, **origin(request))

    @classmethod
    def record_account(
        cls, kind: AccountKind, owner: AbstractBaseUser, request: HttpRequest | None, detail: str = ""
    ) -> None:
        """Write down what happened to the account of `owner`."""
        cls.objects.create(kind=kind, owner_id=owner.pk, detail=redact(detail)[:DETAIL_LENGTH], **origin(request))

    @classmethod
    def record_guesses(cls, guesses: Iterable[tuple[str, datetime, dict[str, Any]]]) -> None:
        """Write down wrong passwords: the address that was typed, when, and the origin. No account, no event."""
        users = get_user_model().objects
        owners = users.in_bulk({email for email, _, _ in guesses}, field_name=users.model.USERNAME_FIELD)
        kind = AccountKind.WRONG_PASSWORD
        cls.objects.bulk_create(
            cls(kind=kind, owner_id=owners[email].pk, at=at, **where) for email, at, where in guesses if email in owners
        )


def origin(request: HttpRequest | None) -> dict[str, Any]:
    """The columns that say by whom and from where."""
    user = getattr(request, "user", None)
    return {
        "actor_id": user.pk if user else None,
        "address": (request.META.get("REMOTE_ADDR") or None) if request else None,
        "user_agent": redact(request.headers.get("User-Agent", ""))[:AGENT_LENGTH] if request else "",
    }
