"""Tokens in the plural: which ones, and how new ones come to be."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models, transaction
from django.db.models import BooleanField, Case, ExpressionWrapper, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest
from django.http import HttpRequest
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from tokens import credential, signals
from tokens.credential import Credential
from tokens.models.digest import Digest
from tokens.models.event import Event
from tokens.models.made import descendants
from tokens.models.scope import Scope
from tokens.models.words import (
    EXPIRING_SOON,
    UNUSED,
    AlreadyRenewed,
    FormAlreadySent,
    LifetimeTooLong,
    Status,
    TokenLimitReached,
    TokenRevoked,
)

if TYPE_CHECKING:
    from tokens.models.token import Token


class TokenQuerySet(models.QuerySet["Token"]):
    def owned_by(self, user: AbstractBaseUser) -> Self:
        return self.filter(owner_id=user.pk)

    def active(self, now: datetime | None = None) -> Self:
        """Those that a request could still use: neither revoked nor expired."""
        return self.filter(revoked_at=None, expires_at__gt=now or timezone.now())

    def missing_peppers(self) -> list[int]:
        """Return the numbers of the peppers that active tokens need and that TOKEN_PEPPERS lacks, in order."""
        lacking = self.active().exclude(pepper__in=settings.TOKEN_PEPPERS).order_by("pepper")
        return list(lacking.values_list("pepper", flat=True).distinct())

    def made_with(self, makers: Collection[Token]) -> Self:
        """Those that were made with one of `makers`, directly or by tokens that were, and are not among these."""
        keys = [maker.pk for maker in makers]
        return self.filter(pk__in=descendants(keys)).exclude(pk__in=keys)

    def has_room(self) -> bool:
        """Whether one more beside these keeps to MAX_TOKENS_PER_USER; the retiring do not count."""
        return self.active().filter(renewed_at=None).count() < settings.MAX_TOKENS_PER_USER

    def over_policy(self) -> Self:
        """Those active that were made for longer than MAX_TOKEN_LIFETIME_DAYS allows now."""
        if settings.MAX_TOKEN_LIFETIME_DAYS is None:
            return self.none()
        return self.active().filter(expires_at__gt=F("created_at") + timedelta(days=settings.MAX_TOKEN_LIFETIME_DAYS))

    def with_last_change(self) -> Self:
        """Annotate `changed_at`: when the newest event of the token was."""
        events = Event.objects.filter(owner=OuterRef("owner"), identifier=OuterRef("identifier"))
        return self.annotate(
            changed_at=Greatest("created_at", Coalesce(Subquery(events.values("at")[:1]), "created_at"))
        )

    def with_use(self, now: datetime | None = None) -> Self:
        """Annotate `unused`: whether nobody called with it for 90 days, or ever since it was made so long ago."""
        since = (now or timezone.now()) - UNUSED
        unused = Q(last_used_at__lte=since) | Q(last_used_at=None, created_at__lte=since)
        return self.annotate(unused=ExpressionWrapper(unused, output_field=BooleanField()))

    def unused(self) -> Self:
        """After `with_use`."""
        return self.filter(unused=True)

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

    def before(self, at: datetime, pk: int) -> Self:
        """Those that stand after this one in the list, which begins with the newest."""
        return self.filter(created_at__lte=at).exclude(created_at=at, pk__gte=pk)

    def search(self, text: str) -> Self:
        """Those whose name or identifier contains `text`."""
        return self.filter(Q(name__says=text) | Q(identifier__icontains=text)) if text else self

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
        rate_limit: str = "",
        form_nonce: str | None = None,
        request: HttpRequest | None = None,
    ) -> tuple[Token, Credential]:
        """Make a token and its event; the credential is returned here and kept nowhere.

        `scopes` are names from the catalogue; `allowed_addresses` networks in CIDR form, none meaning anywhere;
        `rate_limit` is in the notation of `limits`, "" meaning the installation's.
        The token of `request`, if a program asks, is kept as the maker, and the two count as one for their limits.
        Raises TokenLimitReached, LifetimeTooLong, ScopeNotAllowed, or FormAlreadySent where the owner's `form_nonce`
        made one before.
        """
        maker: Token | None = getattr(request, "token", None)
        with self.turn_of(owner.pk):
            self._ensure_new(owner.pk, form_nonce)
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
                rate_limit=rate_limit,
                form_nonce=form_nonce,
                made_by=maker,
                counted_as=maker.limit_key if maker else "",
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
        instead_of: str = "",
        form_nonce: str | None = None,
        request: HttpRequest | None = None,
    ) -> tuple[Token, Credential]:
        """Make the successor of `token`, with the same settings, and its event; `token` keeps working for `overlap`.

        Never past its own expiry, though. `instead_of` is the identifier of a successor whose value was lost: it is
        revoked in the same transaction. Raises TokenRevoked, AlreadyRenewed, TokenLimitReached, LifetimeTooLong, or
        FormAlreadySent.
        """
        with self.turn_of(token.owner_id):
            self._ensure_new(token.owner_id, form_nonce)
            old = self._renewable(token, instead_of, request)
            self._leave_room(self.filter(owner_id=old.owner_id).exclude(pk=old.pk))
            successor, new = self._make(
                **{name: getattr(old, name) for name in old.HANDED_ON},
                renewed_from=old,
                # A program would else begin its limit anew.
                counted_as=old.limit_key if getattr(request, "token", None) else old.counted_as,
                expires_at=expires_at,
                form_nonce=form_nonce,
            )
            old.retire(overlap)
            Event.record(Event.Kind.RENEWED, old, request, f"replaced by {successor.identifier}")
            signals.after_commit(signals.token_renewed, token=old, successor=successor, request=request)
        token.renewed_at, token.expires_at = old.renewed_at, old.expires_at
        return successor, new

    def _renewable(self, token: Token, instead_of: str, request: HttpRequest | None) -> Token:
        """It as it is now, its lost successor revoked. Raises TokenRevoked, or AlreadyRenewed by another one."""
        Scope.objects.must_be_asked(token.scopes)  # locks them, before any token
        for lost in token.successors.filter(identifier=instead_of, renewed_at=None):
            lost.revoke(request)
        old = self.get(pk=token.pk)
        if old.revoked_at:
            raise TokenRevoked
        if old.renewed_at and (successor := old.successors.order_by("-pk").first()):
            raise AlreadyRenewed(successor)
        return old

    @contextmanager
    def turn_of(self, owner_pk: Any) -> Iterator[None]:
        """One transaction in which nobody else makes, renews, changes or revokes a token of that owner.

        Locks are taken in one order everywhere, so that nobody waits for ever: the owner, scopes, tokens from the
        oldest on.
        """
        with transaction.atomic():
            get_user_model().objects.select_for_update(no_key=True).get(pk=owner_pk)
            yield

    def _ensure_new(self, owner_pk: Any, form_nonce: str | None) -> None:
        """FormAlreadySent where the owner's form with that nonce made one before."""
        if form_nonce and (sent := self.filter(owner_id=owner_pk, form_nonce=form_nonce).first()):
            raise FormAlreadySent(sent)

    def _leave_room(self, others: Self) -> None:
        """TokenLimitReached when one more beside `others` is one too many; the retiring do not count."""
        if not others.has_room():
            raise TokenLimitReached(settings.MAX_TOKENS_PER_USER)

    @sensitive_variables("new")
    def _make(self, *, environment: str, scope: str, expires_at: datetime, **fields: Any) -> tuple[Token, Credential]:
        most = settings.MAX_TOKEN_LIFETIME_DAYS
        if most is not None and expires_at > timezone.now() + timedelta(days=most):
            raise LifetimeTooLong(most)
        new = credential.generate(settings.TOKEN_PREFIX, environment)
        token = self.create(
            environment=environment,
            identifier=new.identifier,
            scope=scope,
            expires_at=expires_at,
            asks_catalogue=Scope.objects.must_be_asked(scope.split()),
            **Digest.of(new.value)._asdict(),
            **fields,
        )
        return token, new
