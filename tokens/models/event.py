"""Events, the audit log: what happened to each token and account.

An event is written once and never changed. The event of a token is written in the transaction
that changes the token.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn, Self

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import Q
from django.utils import timezone

from tokens.authentication import credentials
from tokens.core.accounts import name_of
from tokens.core.redaction import redact
from tokens.models.actor import Actor
from tokens.models.event_types import EVENT_TYPES, AccountKind, TokenKind
from tokens.models.text_search import folded

if TYPE_CHECKING:
    from tokens.models.token import Token

NAME_LENGTH = 100
DETAIL_LENGTH = EVENT_AGENT_LENGTH = 200


class EventQuerySet(models.QuerySet["Event"]):
    """Queries for events of the audit log. They can add events, but not change or delete them."""

    def owned_by(self, user: AbstractBaseUser) -> Self:
        """Return the events of the account `user`, and of the tokens of this account."""
        return self.filter(owner_id=user.pk)

    def before(self, at: datetime, pk: int) -> Self:
        """Return the events older than the event with the time `at` and the primary key `pk`."""
        return self.filter(at__lte=at).exclude(at=at, pk__gte=pk)

    def after(self, at: datetime, pk: int) -> Self:
        """Return the events newer than the event with the time `at` and the primary key `pk`."""
        return self.filter(at__gte=at).exclude(at=at, pk__lte=pk)

    def search(self, text: str) -> Self:
        """Return the events that contain `text`; all events if `text` is "".

        Only what the owner sees is searched. The address of an administrator is not.
        """
        if not text:
            return self
        kinds = [value for value, label in EVENT_TYPES if folded(text) in folded(str(label))]
        about = Q(token_name__contains_folded=text) | Q(detail__contains_folded=text)
        origin = Q(address__icontains=text) | Q(user_agent__icontains=text)
        shows_origin = Q(actor=None) | Q(actor=models.F("owner"))
        return self.filter(
            about | Q(identifier__icontains=text) | Q(kind__in=kinds) | (origin & shows_origin)
        )

    def update(self, **kwargs: Any) -> NoReturn:
        """Raise TypeError, because an event is never changed."""
        raise TypeError("Events are append-only.")

    def delete(self) -> NoReturn:
        """Raise TypeError, because events are kept. `prune` deletes old events in another way."""
        raise TypeError("Events are append-only.")

    def bulk_create(self, objs: Iterable[Event], batch_size: int | None = None) -> list[Event]:  # type: ignore[override]
        """Insert events. Django's options that overwrite existing rows are left out."""
        return super().bulk_create(objs, batch_size)


class Event(models.Model):
    """Something that happened to a token or an account: what, when, by whom and from where."""

    Kind = TokenKind

    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=20, choices=EVENT_TYPES)
    detail = models.CharField(max_length=DETAIL_LENGTH, blank=True)
    # The three foreign keys have no reverse relation (related_name="+"): Django's managers of
    # reverse relations could change events, because they do not use EventQuerySet.
    # `owner` has no index of its own, because two other indexes begin with this column.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    # True if the actor acted for a team: as a member, or as a program with a token of the team.
    for_team = models.BooleanField(default=False, db_default=False)
    token = models.ForeignKey(
        "tokens.Token", on_delete=models.SET_NULL, null=True, related_name="+"
    )
    # The name and the identifier stay when the token is deleted. Events of accounts have "".
    token_name = models.CharField(max_length=NAME_LENGTH, blank=True)
    identifier = models.CharField(max_length=credentials.IDENTIFIER_LENGTH, blank=True)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=EVENT_AGENT_LENGTH)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["owner", "-at", "-id"], name="event_owner"),
            models.Index(fields=["owner", "kind", "-at", "-id"], name="event_kind"),
            models.Index(fields=["owner", "identifier", "-at", "-id"], name="event_identifier"),
            # The administration lists events in this order, and `prune` finds old ones.
            models.Index(fields=["-at", "-id"], name="event_at"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.identifier}".strip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert a new event. Raise TypeError for an event that is stored already.

        `force_insert` is needed: without it, Django would first try to update a row with the
        same key.
        """
        if not self._state.adding:
            raise TypeError("Events are append-only.")
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise TypeError, because events are kept. `prune` deletes old events in another way."""
        raise TypeError("Events are append-only.")

    @property
    def who(self) -> str:
        """Return who acted, in words for the owner, such as "you". No administrator is named.

        For a team, the member who acted is named, because the readers are in the same team.
        """
        if self.for_team and self.actor_id == self.owner_id is not None:
            return "a program"
        if self.for_team:
            return name_of(self.actor) if self.actor else "a former member"
        if self.actor_id == self.owner_id is not None:
            return "you"
        if self.actor_id is not None:
            is_transfer = self.kind in {TokenKind.HANDED_OVER, TokenKind.RECEIVED}
            return "another person" if is_transfer else "an administrator"
        return "nobody signed in" if self.address or self.user_agent else "the command line"

    @property
    def shows_origin(self) -> bool:
        """Return True if the owner may see the actor's address and program.

        The owner may not see them if an administrator acted.
        """
        return self.actor_id in {None, self.owner_id}

    @classmethod
    def record(cls, kind: TokenKind, token: Token, actor: Actor | None, detail: str = "") -> None:
        """Write an event about `token`. `actor` is who acted, None for the command line."""
        # Name the token of a program. Otherwise the event would say that the owner acted.
        if actor and actor.token:
            detail = f"{detail}, with {actor.token.identifier}".removeprefix(", ")
        token_columns = {"token": token, "token_name": token.name, "identifier": token.identifier}
        for_team = token.team is not None and token.team.is_acted_for_by(actor)
        cls.objects.create(
            kind=kind,
            owner_id=token.owner_id,
            detail=detail,
            for_team=for_team,
            **token_columns,
            **origin_columns(actor),
        )

    @classmethod
    def record_account(
        cls,
        kind: AccountKind,
        owner: AbstractBaseUser,
        actor: Actor | None,
        detail: str = "",
        *,
        for_team: bool = False,
    ) -> None:
        """Write an event about the account `owner`. Secrets of tokens in `detail` are masked."""
        columns = {"detail": redact(detail)[:DETAIL_LENGTH], "for_team": for_team}
        cls.objects.create(kind=kind, owner_id=owner.pk, **columns, **origin_columns(actor))

    @classmethod
    def record_wrong_passwords(
        cls, wrong_passwords: Collection[tuple[str, datetime, dict[str, Any]]]
    ) -> None:
        """Write an event for each wrong password.

        An entry has the typed e-mail address, the time, and the columns of `origin_columns`. An
        entry is skipped if no account has this e-mail address.
        """
        users = get_user_model().objects
        emails = {email for email, _, _ in wrong_passwords}
        owners = users.in_bulk(emails, field_name=users.model.USERNAME_FIELD)
        kind = AccountKind.WRONG_PASSWORD
        cls.objects.bulk_create(
            cls(kind=kind, owner_id=owners[email].pk, at=at, **origin)
            for email, at, origin in wrong_passwords
            if email in owners
        )


def origin_columns(actor: Actor | None) -> dict[str, Any]:
    """Return the values of the columns that say who acted, and from where."""
    actor = actor or Actor()
    return {
        "actor_id": actor.user.pk if actor.user else None,
        "address": actor.address or None,
        "user_agent": redact(actor.user_agent)[:EVENT_AGENT_LENGTH],
    }
