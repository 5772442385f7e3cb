"""Queries for tokens, and the two ways to make a token: `issue` and `renew`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Q
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from tokens import signals
from tokens.authentication import credentials
from tokens.authentication.credentials import Credential
from tokens.models.actor import Actor
from tokens.models.annotated_tokens import AnnotatedTokens
from tokens.models.conditions import too_long_condition
from tokens.models.descendants import descendants
from tokens.models.digest import Digest
from tokens.models.event import Event
from tokens.models.exceptions import (
    AlreadyRenewed,
    FormAlreadySent,
    LifetimeTooLong,
    OwnerAway,
    TokenLimitReached,
    TokenRevoked,
)
from tokens.models.owner import owner_columns
from tokens.models.policy_checks import ensure_new_token_keeps_policies, policies_for
from tokens.models.scope import Scope
from tokens.models.scope_request import plan_scopes
from tokens.models.team import Team
from tokens.token_settings import token_settings

if TYPE_CHECKING:
    from tokens.models.token import Token


class TokenQuerySet(AnnotatedTokens):
    """Queries for tokens: filters, and the methods that make a token."""

    def owned_by(self, user: AbstractBaseUser) -> Self:
        """Return the tokens of `user`."""
        return self.filter(owner_id=user.pk)

    def reachable_by(self, person: AbstractBaseUser) -> Self:
        """Return the tokens for which `person` may act: their own, and those of their teams."""
        return self.filter(Q(owner_id=person.pk) | Q(team__in=Team.objects.of(person)))

    def made_with(self, makers: Collection[Token]) -> Self:
        """Return the tokens made with `makers`, and the tokens made with those tokens, and so on.

        `makers` themselves are left out.
        """
        keys = [maker.pk for maker in makers]
        return self.filter(pk__in=descendants(keys)).exclude(pk__in=keys)

    def sharing_limit_of(self, token: Token) -> Self:
        """Return the other active tokens that share the rate limit of `token`, oldest first.

        These are the tokens whose requests count as requests of `token` (`counted_as`), and tokens
        that programs made with `token` and that have no limit of their own.
        """
        below = Q(pk__in=token.active_descendants.values("pk"), counted_as=token.limit_key)
        shared = Q(counted_as=token.identifier) | below
        return self.filter(shared, owner_id=token.owner_id).active().order_by("pk")

    def has_room(self) -> bool:
        """Return True if fewer than MAX_TOKENS_PER_USER of these tokens of one owner are active.

        Renewed tokens do not count, even while they still work, because their successors count.
        """
        return self.active().filter(renewed_at=None).count() < token_settings.MAX_TOKENS_PER_USER

    def exceeding_max_lifetime(self) -> Self:
        """Return the active tokens whose whole lifetime is above MAX_TOKEN_LIFETIME_DAYS."""
        return self.active().filter(too_long_condition())

    def before(self, at: datetime, pk: int) -> Self:
        """Return the tokens made before the token with the time `at` and the primary key `pk`."""
        return self.filter(created_at__lte=at).exclude(created_at=at, pk__gte=pk)

    def search(self, text: str) -> Self:
        """Return the tokens whose name or identifier contains `text`; all tokens for ""."""
        if not text:
            return self
        return self.filter(Q(name__contains_folded=text) | Q(identifier__icontains=text))

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
        actor: Actor | None = None,
    ) -> tuple[Token, Credential]:
        """Make a token and write its event. Return the token and its credential.

        The credential has the secret value, which is stored nowhere. `allowed_addresses` are
        networks in CIDR form (RFC 4632); without any, all addresses are allowed. `rate_limit` is
        for example "10/second;1000/day"; "" means the limit of the installation. If a program
        makes the token, its own token and the new token share one rate limit. Raise
        TokenLimitReached, LifetimeTooLong, ScopeNotAllowed, PolicyBroken, FormAlreadySent or
        OwnerAway.
        """
        maker = actor.token if actor else None
        with self.locked_for(owner.pk) as (account,):
            self._ensure_owner_stays(account)
            self._ensure_form_is_new(owner.pk, form_nonce)
            self._ensure_room(others := self.filter(owner_id=owner.pk))
            Scope.objects.ensure_held(owner, scopes)
            token, new = self._create(
                others, actor, **owner_columns(owner), name=name, description=description,
                environment=environment,
                scope=" ".join(sorted(set(scopes))), addresses=" ".join(allowed_addresses),
                expires_at=expires_at, rate_limit=rate_limit, form_nonce=form_nonce,
                made_by=maker, counted_as=maker.limit_key if maker else "",
            )  # fmt: skip
            Event.record(Event.Kind.CREATED, token, actor)
            signals.send_after_commit(signals.token_created, token=token, actor=actor)
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
        actor: Actor | None = None,
    ) -> tuple[Token, Credential]:
        """Replace `token` by a new token with the same settings, its successor. Write the event.

        Return the successor and its credential (the secret value). `token` still works for
        `overlap`, but never longer than before. `instead_of` is the identifier of an earlier
        successor whose value was lost, or "". That successor is revoked in the same transaction.
        Raise TokenRevoked, AlreadyRenewed, TokenLimitReached, LifetimeTooLong, PolicyBroken,
        FormAlreadySent or OwnerAway.
        """
        with self.locked_for(token.owner_id) as (account,):
            self._ensure_owner_stays(account)
            self._ensure_form_is_new(token.owner_id, form_nonce)
            old = self._get_renewable(token, instead_of, actor)
            # If a program renews a token, both tokens share one rate limit. Otherwise the program
            # could get more requests by renewing often. A token that a person renews may have a
            # limit of its own.
            by_program = actor is not None and actor.token is not None
            others = None if old.is_revocable else self.filter(owner_id=old.owner_id)
            successor, new = self._create(
                others, actor, scope=" ".join(old.wanted_scopes),
                **{name: getattr(old, name) for name in old.INHERITED_FIELDS},
                renewed_from=old, expires_at=expires_at, form_nonce=form_nonce,
                counted_as=old.limit_key if by_program else old.counted_as,
            )  # fmt: skip
            self._retire(old, overlap)
            Event.record(Event.Kind.RENEWED, old, actor, f"replaced by {successor.identifier}")
            signals.send_after_commit(
                signals.token_renewed, token=old, successor=successor, actor=actor
            )
        token.renewed_at, token.expires_at = old.renewed_at, old.expires_at
        return successor, new

    def _retire(self, old: Token, overlap: timedelta) -> None:
        """Store that `old` was renewed. It works for `overlap`, but not longer than before.

        NOTE: The end of the overlap is stored as `expires_at`. So only `expires_at` decides when a
        token ends, and no job has to end old tokens. The price: the original time is lost, even if
        the successor is revoked later.
        """
        old.renewed_at = timezone.now()
        old.expires_at = min(old.expires_at, old.renewed_at + overlap)
        old.save(update_fields=["renewed_at", "expires_at"])

    def _get_renewable(self, token: Token, instead_of: str, actor: Actor | None) -> Token:
        """Return `token` as stored now. Raise TokenRevoked, AlreadyRenewed or TokenLimitReached.

        Before that, revoke the lost successor, whose identifier is `instead_of`, if there is one.
        """
        # This call only locks the scopes. They must be locked before any token: see `locked_for`.
        Scope.objects.are_restricted(token.wanted_scopes)
        for lost in token.successors.filter(identifier=instead_of, renewed_at=None):
            lost.revoke(actor)
        old = self.select_related("imported").get(pk=token.pk, owner_id=token.owner_id)
        if old.revoked_at:
            raise TokenRevoked
        if old.renewed_at and (successor := old.successors.order_by("-pk").first()):
            raise AlreadyRenewed(successor)
        # An owner may have too many tokens after an import. Their renewal adds none to them.
        if not (old.is_revocable and hasattr(old, "imported")):
            self._ensure_room(self.filter(owner_id=old.owner_id).exclude(pk=old.pk))
        return old

    def _ensure_owner_stays(self, owner: AbstractBaseUser) -> None:
        """Raise OwnerAway if the account is switched off. Its tokens can't get successors."""
        if not owner.is_active:
            raise OwnerAway

    def _ensure_form_is_new(self, owner_pk: Any, form_nonce: str | None) -> None:
        """Raise FormAlreadySent if the form with this nonce has made a token of the owner."""
        if form_nonce and (sent := self.filter(owner_id=owner_pk, form_nonce=form_nonce).first()):
            raise FormAlreadySent(sent)

    def _ensure_room(self, others: Self) -> None:
        """Raise TokenLimitReached if the owner of the tokens `others` may have no more tokens."""
        if not others.has_room():
            raise TokenLimitReached(token_settings.MAX_TOKENS_PER_USER)

    @sensitive_variables("new")
    def _create(
        self,
        others: TokenQuerySet | None,
        actor: Actor | None,
        *,
        environment: str,
        scope: str,
        expires_at: datetime,
        **fields: Any,
    ) -> tuple[Token, Credential]:
        """Insert a token with a new secret value. Return the token and its credential (the value).

        `others` are the owner's other tokens, None if the new token makes them no more. Raise
        LifetimeTooLong if the token would work for more than MAX_TOKEN_LIFETIME_DAYS, and
        PolicyBroken.
        """
        max_days = token_settings.MAX_TOKEN_LIFETIME_DAYS
        if max_days is not None and expires_at > timezone.now() + timedelta(days=max_days):
            raise LifetimeTooLong(max_days)
        new = credentials.generate(token_settings.PREFIX[0], environment)
        token = self.model(
            environment=environment,
            identifier=new.identifier,
            scope=scope,
            expires_at=expires_at,
            has_restricted_scopes=Scope.objects.are_restricted(scope.split()),
            **Digest.of(new.value)._asdict(),
            **fields,
        )
        policies = policies_for(token.owner_id, environment)
        ensure_new_token_keeps_policies(token, policies, others, actor)
        plan = plan_scopes(token.scopes, policies, token.renewed_from or token.made_by)
        plan.store_new(token, actor)
        return token, new
