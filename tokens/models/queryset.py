"""Tokens in the plural: which ones, and how new ones come to be."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models, transaction
from django.db.models import Case, Q, Value, When
from django.http import HttpRequest
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from tokens import credential, signals
from tokens.credential import Credential
from tokens.models.digest import Digest
from tokens.models.event import Event
from tokens.models.scope import Scope
from tokens.models.words import EXPIRING_SOON, AlreadyRenewed, FormAlreadySent, Status, TokenLimitReached, TokenRevoked

if TYPE_CHECKING:
    from tokens.models.token import Token


class TokenQuerySet(models.QuerySet["Token"]):
    def owned_by(self, user: AbstractBaseUser) -> Self:
        return self.filter(owner_id=user.pk)

    def active(self, now: datetime | None = None) -> Self:
        """Those that a request could still use: neither revoked nor expired."""
        return self.filter(revoked_at=None, expires_at__gt=now or timezone.now())

    def with_status(self, now: datetime | None = None) -> Self:
        """Annotate `current_status`, which agrees with `Token.status`."""
        now = now or timezone.now()
        return self.annotate(
            current_status=Case(
                When(revoked_at__isnull=False, then=Value(Status.REVOKED)),
                When(expires_at__lte=now, then=Value(Status.EXPIRED)),
                When(renewed_at__isnull=False, then=Value(Status.RETIRING)),
                When(expires_at__lte=now + EXPIRING_SOON, then=Value(Status.EXPIRING_SOON)),
                default=Value(Status.ACTIVE),
                output_field=models.CharField(),
            )
        )

    def in_status(self, *statuses: Status) -> Self:
        """After `with_status`: those in one of `statuses`."""
        return self.filter(current_status__in=statuses)

    def search(self, text: str) -> Self:
        """Those whose name or identifier contains `text`."""
        return self.filter(Q(name__icontains=text) | Q(identifier__icontains=text)) if text else self

    @sensitive_variables("new")
    def issue(
        self,
        *,
        owner: AbstractBaseUser,
        name: str,
        environment: str,
        expires_at: datetime,
        scopes: Collection[str] = (),
        allowed_addresses: Collection[str] = (),
        description: str = "",
        form_nonce: str | None = None,
        request: HttpRequest | None = None,
    ) -> tuple[Token, Credential]:
        """Make a token and its event; the credential is returned here and kept nowhere.

        `scopes` are names from the catalogue; `allowed_addresses` networks in CIDR form, none meaning anywhere.
        Raises TokenLimitReached, ScopeNotAllowed, or FormAlreadySent where the owner's `form_nonce` made one before.
        """
        with transaction.atomic():
            self._wait_for_turn(owner.pk, form_nonce)
            self._leave_room(self.filter(owner_id=owner.pk))
            Scope.objects.ensure_held(owner, scopes)
            token, new = self._make(
                owner_id=owner.pk,
                name=name,
                description=description,
                environment=environment,
                expires_at=expires_at,
                scope=" ".join(sorted(set(scopes))),
                addresses=" ".join(allowed_addresses),
                form_nonce=form_nonce,
            )
            Event.record(Event.Kind.CREATED, token, request)
            signals.after_commit(signals.token_created, token=token, request=request)
        return token, new

    @sensitive_variables("new")
    def renew(
        self,
        token: Token,
        *,
        expires_at: datetime,
        overlap: timedelta,
        form_nonce: str | None = None,
        request: HttpRequest | None = None,
    ) -> tuple[Token, Credential]:
        """Make the successor of `token`, with the same settings, and its event; `token` keeps working for `overlap`.

        Never past its own expiry, though. Raises TokenRevoked, AlreadyRenewed, TokenLimitReached, or FormAlreadySent.
        """
        now = timezone.now()
        with transaction.atomic():
            self._wait_for_turn(token.owner_id, form_nonce)
            token.refresh_from_db()
            if token.revoked_at:
                raise TokenRevoked
            if successor := token.successor:
                raise AlreadyRenewed(successor)
            self._leave_room(self.filter(owner_id=token.owner_id).exclude(pk=token.pk))
            successor, new = self._make(
                **{name: getattr(token, name) for name in token.HANDED_ON},
                renewed_from=token,
                expires_at=expires_at,
                form_nonce=form_nonce,
            )
            token.renewed_at, token.expires_at = now, min(token.expires_at, now + overlap)
            token.save(update_fields=["renewed_at", "expires_at"])
            Event.record(Event.Kind.RENEWED, token, request, f"by {successor.identifier}")
            signals.after_commit(signals.token_renewed, token=token, successor=successor, request=request)
        return successor, new

    def _wait_for_turn(self, owner_pk: Any, form_nonce: str | None) -> None:
        """Whoever holds the owner's row counts and renews alone; FormAlreadySent for one that had its turn."""
        get_user_model().objects.select_for_update(no_key=True).get(pk=owner_pk)
        if form_nonce and (sent := self.filter(owner_id=owner_pk, form_nonce=form_nonce).first()):
            raise FormAlreadySent(sent)

    def _leave_room(self, others: Self) -> None:
        """TokenLimitReached when one more beside `others` is one too many; the retiring do not count."""
        if others.active().filter(renewed_at=None).count() >= settings.MAX_TOKENS_PER_USER:
            raise TokenLimitReached(settings.MAX_TOKENS_PER_USER)

    @sensitive_variables("new")
    def _make(self, *, environment: str, scope: str, **fields: Any) -> tuple[Token, Credential]:
        new = credential.generate(settings.TOKEN_PREFIX, environment)
        token = self.create(
            environment=environment,
            identifier=new.identifier,
            scope=scope,
            asks_catalogue=Scope.objects.must_be_asked(scope.split()),
            **Digest.of(new.value)._asdict(),
            **fields,
        )
        return token, new
