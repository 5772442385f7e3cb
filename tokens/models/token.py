"""One token. Whatever changes it writes its Event in the same transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from tokens import addresses, credential, signals
from tokens.models.event import NAME_LENGTH, Event, EventQuerySet
from tokens.models.queryset import TokenQuerySet
from tokens.models.scope import Scope
from tokens.models.words import EXPIRING_SOON, Environment, Status, TokenRevoked, WouldWiden
from tokens.quota import parse

DESCRIPTION_LENGTH = 200


class Token(models.Model):
    """A credential that lets a program call the API as its owner. The value itself is not kept."""

    HANDED_ON: ClassVar = (
        "owner_id", "name", "description", "environment", "scope", "addresses", "rate_limit", "made_by_id",
    )  # fmt: skip

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=NAME_LENGTH)
    description = models.CharField(max_length=DESCRIPTION_LENGTH, blank=True, default="")
    environment = models.CharField(max_length=4, choices=Environment.choices)
    identifier = models.CharField(max_length=credential.IDENTIFIER_LENGTH)
    digest = models.CharField(max_length=64)
    pepper = models.PositiveSmallIntegerField()
    scope = models.TextField(blank=True, default="")  # names with a space between, as in RFC 6749 section 3.3
    asks_catalogue = models.BooleanField(default=False)  # a scope of it is restricted to a group, or was deleted
    addresses = models.TextField(blank=True, default="")  # networks with a space between; none means anywhere
    rate_limit = models.CharField(max_length=100, blank=True, default="")  # "": the setting's
    # The identifier of the token with which requests are counted together; "": by itself. See `limit_key`.
    counted_as = models.CharField(max_length=credential.IDENTIFIER_LENGTH, default="", db_default="", editable=False)
    form_nonce = models.CharField(max_length=32, null=True, editable=False)  # noqa: DJ001  (NULL: made without a form)
    renewed_from = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="successors")
    made_by = models.ForeignKey(  # the token of the request that made it, or its predecessor; NULL: a person did
        "self", on_delete=models.SET_NULL, null=True, editable=False, related_name="made", db_index=False
    )
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    renewed_at = models.DateTimeField(null=True)  # while it has a successor that is not revoked
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    last_used_address = models.GenericIPAddressField(null=True)
    last_used_agent = models.CharField(max_length=200, blank=True, default="")

    objects = TokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="token_owner_created"),
            models.Index(fields=["expires_at"], condition=Q(revoked_at=None), name="token_expires"),
            models.Index(fields=["revoked_at"], condition=Q(revoked_at__isnull=False), name="token_revoked"),
            models.Index(fields=["made_by"], condition=Q(made_by__isnull=False), name="token_made_by"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["identifier"], name="token_identifier"),
            models.UniqueConstraint(fields=["owner", "form_nonce"], name="token_form_once"),
            models.UniqueConstraint(fields=["renewed_from"], condition=Q(revoked_at=None), name="token_one_successor"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.identifier})"

    def get_absolute_url(self) -> str:
        return reverse("token_detail", args=[self.identifier])

    @property
    def masked(self) -> str:
        return credential.mask(self.identifier)

    @property
    def events(self) -> EventQuerySet:
        """What happened to it, newest first; by columns that an index has in this order."""
        return Event.objects.filter(owner_id=self.owner_id, identifier=self.identifier)

    @property
    def status(self) -> Status:
        now = timezone.now()
        if self.revoked_at is not None:
            return Status.REVOKED
        if self.expires_at <= now:
            return Status.EXPIRED
        if self.renewed_at is not None:
            return Status.RETIRING
        if self.expires_at <= now + EXPIRING_SOON:
            return Status.EXPIRING_SOON
        return Status.ACTIVE

    @property
    def successor(self) -> Token | None:
        """The one that replaces it, unless that was revoked."""
        return self.successors.filter(revoked_at=None).first() if self.renewed_at else None

    @property
    def still_made(self) -> TokenQuerySet:
        """The tokens that were made with this one, however indirectly, and still work; the oldest first."""
        return Token.objects.filter(owner_id=self.owner_id).made_with([self]).active().order_by("pk")

    @property
    def is_renewable(self) -> bool:
        """Whether there is a successor to be made: neither revoked nor replaced."""
        return self.revoked_at is None and self.renewed_at is None

    @property
    def is_revocable(self) -> bool:
        """Whether revoking ends anything: it is neither revoked nor expired."""
        return self.status not in {Status.REVOKED, Status.EXPIRED}

    @property
    def used_since_renewal(self) -> bool:
        """Whether somebody called with it although it has a successor."""
        return bool(self.renewed_at and self.last_used_at and self.last_used_at > self.renewed_at)

    @property
    def renewed_lately(self) -> bool:
        """Whether a program that calls once a day may not have called since."""
        return bool(self.renewed_at and timezone.now() - self.renewed_at < timedelta(days=1))

    @property
    def scopes(self) -> list[str]:
        """The names of what it may do, in alphabetical order."""
        return self.scope.split()

    @property
    def allowed_addresses(self) -> list[str]:
        """The networks that it may be used from; none means anywhere."""
        return self.addresses.split()

    @property
    def limit_key(self) -> str:
        """Under what the requests of this token are counted: itself, or the token with which it was made.

        Else a program could make or renew tokens to have a limit more than once.
        """
        return self.counted_as or self.identifier

    @property
    def owner_is_active(self) -> bool:
        return bool(self.owner.is_active)

    @sensitive_variables()
    def is_proven_by(self, value: str) -> bool:
        """Whether `value` is this token. False, too, when its pepper is no longer among the settings."""
        pepper = settings.TOKEN_PEPPERS.get(self.pepper)
        return pepper is not None and credential.verify(value, pepper, self.digest)

    @property
    def has_older_digest(self) -> bool:
        """Whether its digest is by another pepper than the newest."""
        return self.pepper != max(settings.TOKEN_PEPPERS)

    def would_widen(self, scopes: Collection[str], allowed_addresses: Sequence[str]) -> bool:
        """Whether with these it could do more than it can now, or be used from more addresses."""
        return bool(set(scopes) - set(self.scopes)) or addresses.widens(self.allowed_addresses, allowed_addresses)

    def retire(self, overlap: timedelta) -> None:
        """It has a successor now, and works beside it for `overlap`, but never past its own expiry."""
        self.renewed_at = timezone.now()
        self.expires_at = min(self.expires_at, self.renewed_at + overlap)
        self.save(update_fields=["renewed_at", "expires_at"])

    def change(
        self,
        *,
        name: str,
        description: str,
        scopes: Collection[str],
        allowed_addresses: Sequence[str],
        may_widen: bool = True,
        request: HttpRequest | None = None,
    ) -> list[str]:
        """Give it these instead; the words for what really changed. Raises TokenRevoked, ScopeNotAllowed or WouldWiden.

        Scopes that it has may stay even where the owner could not give them any more: each request checks them.
        """
        new = {
            "name": name,
            "description": description,
            "scope": " ".join(sorted(set(scopes))),
            "addresses": " ".join(allowed_addresses),
        }
        with Token.objects.turn_of(self.owner_id):
            asks = Scope.objects.must_be_asked(scopes)
            kept = Token.objects.select_for_update().get(pk=self.pk)
            if kept.revoked_at:
                raise TokenRevoked
            if not may_widen and kept.would_widen(scopes, allowed_addresses):
                raise WouldWiden
            Scope.objects.ensure_held(self.owner, set(scopes) - set(kept.scopes))
            changed = [CHANGES[field] for field, value in new.items() if value != getattr(kept, field)]
            if changed:
                Token.objects.filter(pk=self.pk).update(**new, asks_catalogue=asks)
                Event.record(Event.Kind.CHANGED, self, request, ", ".join(changed))
        self.refresh_from_db()
        return changed

    def drop(self, scopes: Collection[str], request: HttpRequest | None = None) -> list[str]:
        """Take those scopes away, whatever else was changed meanwhile; which really went. Raises TokenRevoked."""
        with Token.objects.turn_of(self.owner_id):
            self.refresh_from_db()
            gone = [name for name in self.scopes if name in scopes]
            self.change(
                name=self.name,
                description=self.description,
                scopes=[name for name in self.scopes if name not in scopes],
                allowed_addresses=self.allowed_addresses,
                may_widen=False,
                request=request,
            )
        return gone

    def limit(self, rate_limit: str, request: HttpRequest | None = None) -> None:
        """Give this token a rate limit of its own, in the notation of `limits`; "" is the installation's.

        It is counted by itself from now on, together with what was made with it and has no limit of its own. Raises
        ValueError for one that can't be read.
        """
        if rate_limit:
            parse(rate_limit)
        with Token.objects.turn_of(self.owner_id):
            below = Q(pk__in=self.still_made.values("pk"), counted_as=self.limit_key)
            others = Token.objects.filter(Q(counted_as=self.identifier) | below, owner_id=self.owner_id).active()
            for token in (self, *others.order_by("pk")):
                token.rate_limit = rate_limit
                token.counted_as = "" if token is self else self.identifier
                Token.objects.filter(pk=token.pk).update(rate_limit=rate_limit, counted_as=token.counted_as)
                Event.record(Event.Kind.LIMITED, token, request, rate_limit or "the installation's")

    def revoke(self, request: HttpRequest | None = None) -> bool:
        """End this token for good. True when this call did it, False when it was revoked before.

        One that it replaced can be renewed again, if that still works, and if no other token did this: a token whose
        time runs out after its renewal can't win it back so.
        """
        by: Token | None = getattr(request, "token", None)
        with Token.objects.turn_of(self.owner_id):
            if not Token.objects.filter(pk=self.pk, revoked_at=None).exists():
                return False
            self.revoked_at = timezone.now()
            if by is None or by.pk == self.pk:
                Token.objects.filter(successors=self).update(renewed_at=None)
            Token.objects.filter(pk=self.pk).update(revoked_at=self.revoked_at)
            Event.record(Event.Kind.REVOKED, self, request)
            signals.after_commit(signals.token_revoked, token=self, request=request)
        return True

    def revoke_made(self, request: HttpRequest | None = None) -> int:
        """End for good what was made with this token and still works, all of it or nothing. Return how many ended."""
        with Token.objects.turn_of(self.owner_id):
            return sum(token.revoke(request) for token in self.still_made)


CHANGES = {"name": "name", "description": "description", "scope": "scopes", "addresses": "allowed addresses"}
