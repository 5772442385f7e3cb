"""The model Token. Each change writes an event. TokenQuerySet makes and renews tokens."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Index, Q, UniqueConstraint
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from tokens import signals
from tokens.authentication import credentials
from tokens.models.actor import Actor
from tokens.models.change_words import limit_change
from tokens.models.changes import change_settings
from tokens.models.choices import Environment, Status, status_at
from tokens.models.event import NAME_LENGTH, Event, EventQuerySet
from tokens.models.exceptions import MissingPepper
from tokens.models.owner_state import OwnerState
from tokens.models.queryset import TokenQuerySet
from tokens.rate_limits.limits import parse_rate_limit
from tokens.token_settings import token_settings

DESCRIPTION_LENGTH = 200


class Token(OwnerState, models.Model):
    """A credential with which a program calls the API as the owner. Its value is not stored."""

    # The fields that the successor of a renewed token gets from that token, beside its scopes.
    INHERITED_FIELDS: ClassVar = (
        "owner_id", "name", "description", "environment", "addresses", "rate_limit",
        "made_by_id", "team_id",
    )  # fmt: skip

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens"
    )
    # The team whose account `owner` is, or NULL. Its key is the short name, which /verify sends.
    team = models.ForeignKey("tokens.Team", on_delete=models.CASCADE, null=True, db_index=False)
    # True if the token works until it expires though the owner's account is switched off.
    outlives_owner = models.BooleanField(default=False, db_default=False)
    name = models.CharField(max_length=NAME_LENGTH)
    description = models.CharField(max_length=DESCRIPTION_LENGTH, blank=True, default="")
    environment = models.CharField(max_length=4, choices=Environment.choices)
    identifier = models.CharField(max_length=credentials.IDENTIFIER_LENGTH)
    digest = models.CharField(max_length=64)
    pepper = models.PositiveSmallIntegerField()
    # Scope names, separated by spaces (RFC 6749 section 3.3).
    scope = models.TextField(blank=True, default="")
    # Scopes that wait for approval, in the same form. No request may use them: see ScopeRequest.
    pending_scope = models.TextField(blank=True, default="", db_default="", editable=False)
    # True if a scope of the token is restricted to a group or was deleted: see ScopeQuerySet.
    has_restricted_scopes = models.BooleanField(default=False, db_column="asks_catalogue")
    # Networks in CIDR form, separated by spaces. "" allows every address.
    addresses = models.TextField(blank=True, default="")
    rate_limit = models.CharField(max_length=100, blank=True, default="")  # "": TOKEN_RATE_LIMIT
    # The token whose rate limit this token shares, or "": see `limit_key`.
    counted_as = models.CharField(
        max_length=credentials.IDENTIFIER_LENGTH, default="", db_default="", editable=False
    )
    form_nonce = models.CharField(max_length=32, null=True, editable=False)  # noqa: DJ001
    renewed_from = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, related_name="successors"
    )
    # The token with which a program made this token or its predecessor. NULL: a person made it.
    made_by = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, editable=False, related_name="made",
        db_index=False,
    )  # fmt: skip
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    renewed_at = models.DateTimeField(null=True)  # NULL again if the successor was revoked
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    last_used_address = models.GenericIPAddressField(null=True)
    last_used_agent = models.CharField(max_length=200, blank=True, default="")

    leased_until = 0.0  # not stored: when the lease of this row ends (authentication/leases.py)

    objects = TokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            Index(fields=["owner", "-created_at"], name="token_owner_created"),
            Index(fields=["expires_at"], condition=Q(revoked_at=None), name="token_expires"),
            Index(
                fields=["revoked_at"], condition=Q(revoked_at__isnull=False), name="token_revoked"
            ),
            Index(fields=["made_by"], condition=Q(made_by__isnull=False), name="token_made_by"),
        ]
        constraints = [
            UniqueConstraint(fields=["identifier"], name="token_identifier"),
            UniqueConstraint(fields=["owner", "form_nonce"], name="token_form_once"),
            UniqueConstraint(
                fields=["renewed_from"], condition=Q(revoked_at=None), name="token_one_successor"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.identifier})"

    def get_absolute_url(self) -> str:
        """Return the path of the token's page."""
        return reverse("tokens:detail", args=[self.identifier])

    @property
    def masked(self) -> str:
        """Return the identifier, and a bullet for each secret character that follows it."""
        # The old value of an imported token does not begin with the identifier.
        return self.identifier if hasattr(self, "imported") else credentials.mask(self.identifier)

    @property
    def events(self) -> EventQuerySet:
        """Return the events of the token, newest first. The query needs only one index."""
        return Event.objects.filter(owner_id=self.owner_id, identifier=self.identifier)

    @property
    def status(self) -> Status:
        """Return the status of the token now."""
        return status_at(timezone.now(), self)

    @property
    def successor(self) -> Token | None:
        """Return the unrevoked token that replaced this token at its renewal, or None."""
        return self.successors.filter(revoked_at=None).first() if self.renewed_at else None

    @property
    def active_descendants(self) -> TokenQuerySet:
        """Return the owner's active tokens that were made with this token, oldest first.

        Tokens that were made with those tokens are included, and so on.
        """
        tokens = Token.objects.filter(owner_id=self.owner_id)
        return tokens.made_with([self]).active().order_by("pk")

    @property
    def is_renewable(self) -> bool:
        """Return True if the token is neither revoked nor renewed."""
        return self.revoked_at is None and self.renewed_at is None

    @property
    def is_revocable(self) -> bool:
        """Return True if the token is neither revoked nor expired."""
        return self.status not in {Status.REVOKED, Status.EXPIRED}

    @property
    def used_since_renewal(self) -> bool:
        """Return True if the token was used after it was renewed."""
        return bool(self.renewed_at and self.last_used_at and self.last_used_at > self.renewed_at)

    @property
    def renewed_lately(self) -> bool:
        """Return True for a day after the renewal: a daily program may not have run since."""
        return bool(self.renewed_at and timezone.now() - self.renewed_at < timedelta(days=1))

    @property
    def scopes(self) -> list[str]:
        """Return the names of the scopes, in alphabetical order."""
        return self.scope.split()

    @property
    def pending_scopes(self) -> list[str]:
        """Return the names of the scopes that wait for approval, in alphabetical order."""
        return self.pending_scope.split()

    @property
    def wanted_scopes(self) -> list[str]:
        """Return the names of `scopes` and of `pending_scopes` together."""
        return sorted({*self.scopes, *self.pending_scopes})

    @property
    def allowed_addresses(self) -> list[str]:
        """Return the networks from which the token may be used. An empty list allows all."""
        return self.addresses.split()

    @property
    def limit_key(self) -> str:
        """Return the identifier of the token whose rate limit counts for this token.

        This is the token itself, or the token that made it. Otherwise a program could get more
        requests by making or renewing tokens.
        """
        return self.counted_as or self.identifier

    @sensitive_variables()
    def is_proven_by(self, value: str) -> bool:
        """Return True if `value` is the secret value of this token.

        Raise MissingPepper if the token works, but TOKEN_PEPPERS lacks its pepper (the digest's
        key). If the token has ended, return False, because its pepper may be removed for good.
        """
        pepper = token_settings.PEPPERS.get(self.pepper)
        if pepper is not None:
            return credentials.verify(value, pepper, self.digest)
        if self.is_revocable:
            raise MissingPepper(self.pepper)
        return False

    @property
    def has_older_digest(self) -> bool:
        """Return True if the next use must store a digest with the current pepper, the new key.

        Only lower numbers are replaced, or two nodes with different TOKEN_PEPPER_CURRENT would
        replace the same digest again and again. An imported token may have no digest yet.
        """
        return not self.digest or self.pepper < token_settings.PEPPER_CURRENT

    def change(
        self,
        *,
        name: str,
        description: str,
        scopes: Collection[str],
        allowed_addresses: Sequence[str],
        may_widen: bool = True,
        actor: Actor | None = None,
    ) -> list[str]:
        """Change the settings of the token. Return the labels of those that really changed.

        The token may keep a scope that its owner could not add now: each request checks scopes.
        If `may_widen` is False, raise WouldWiden for more scopes or addresses. Also raise
        TokenRevoked, ScopeNotAllowed or PolicyBroken.
        """
        return change_settings(
            self, name, description, scopes, allowed_addresses, may_widen=may_widen, actor=actor
        )

    def remove_scopes(self, scopes: Collection[str], actor: Actor | None = None) -> list[str]:
        """Remove `scopes`, and keep all other settings as they are stored now.

        Return the scopes that were removed. Raise TokenRevoked if the token is revoked.
        """
        with Token.objects.locked(self):
            self.refresh_from_db()
            removed = [name for name in self.scopes if name in scopes]
            self.change(
                name=self.name,
                description=self.description,
                scopes=[name for name in self.wanted_scopes if name not in scopes],
                allowed_addresses=self.allowed_addresses,
                may_widen=False,
                actor=actor,
            )
        return removed

    def set_rate_limit(self, rate_limit: str, actor: Actor | None = None) -> None:
        """Set the token's own rate limit, such as "10/minute"; "" is the installation's limit.

        Tokens that share this limit get it too. Raise ValueError if `rate_limit` is wrong.
        """
        if rate_limit:
            parse_rate_limit(rate_limit)
        with Token.objects.locked(self):
            before = Token.objects.values_list("rate_limit", flat=True).get(pk=self.pk)
            for token in (self, *Token.objects.sharing_limit_of(self)):
                token.rate_limit = rate_limit
                token.counted_as = "" if token is self else self.identifier
                token.save(update_fields=["rate_limit", "counted_as"])
                Event.record(Event.Kind.LIMITED, token, actor, limit_change(before, rate_limit))

    def revoke(self, actor: Actor | None = None, reason: str = "") -> bool:
        """Revoke the token for ever; the event has `reason`. Return False if it was so before."""
        with Token.objects.locked(self):
            if not Token.objects.filter(pk=self.pk, revoked_at=None).exists():
                return False
            self.revoked_at = timezone.now()
            # NOTE: If this token replaced an old token, the old token can be renewed again: the
            # value of this token may be lost. The expiry of the old token does not change. The
            # exception: if another token revoked this one, the old token stays as it is, because
            # a program could use the old token to revoke this one and renew itself, endlessly.
            if actor is None or actor.token in (None, self):
                Token.objects.filter(successors=self).update(renewed_at=None)
            Token.objects.filter(pk=self.pk).update(revoked_at=self.revoked_at)
            self.scope_requests.close()
            Event.record(Event.Kind.REVOKED, self, actor, reason)
            signals.send_after_commit(
                signals.token_revoked, token=self, actor=actor, reason=reason
            )
        return True

    def revoke_made(self, actor: Actor | None = None, reason: str = "") -> int:
        """Revoke all active tokens made with this token, or none if one fails. Return how many."""
        with Token.objects.locked(self):
            return sum(token.revoke(actor, reason) for token in self.active_descendants)
