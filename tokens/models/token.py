"""Tokens. Whatever changes one writes its Event in the same transaction."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple, Self

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models, transaction
from django.db.models import Case, Q, Value, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from tokens import credential
from tokens.credential import Credential
from tokens.models.event import NAME_LENGTH, Event
from tokens.models.scope import Scope

EXPIRING_SOON = timedelta(days=14)


class Environment(models.TextChoices):
    PRODUCTION = "live", "Production"
    STAGING = "test", "Staging"
    DEVELOPMENT = "dev", "Development"


class Status(models.TextChoices):
    ACTIVE = "active", "Active"
    EXPIRING_SOON = "expiring", "Expiring soon"
    EXPIRED = "expired", "Expired"
    REVOKED = "revoked", "Revoked"


class TokenLimitReached(Exception):
    """The owner already has as many active tokens as allowed: `limit`."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class FormAlreadySent(Exception):
    """The form that asked for a token was sent before; `token` is what it made then."""

    def __init__(self, token: Token) -> None:
        super().__init__(token.identifier)
        self.token = token


class ScopeNotAllowed(Exception):
    """The owner may not give a token these scopes: they do not exist, or belong to a group of others."""

    def __init__(self, names: Collection[str]) -> None:
        super().__init__(*names)
        self.names = sorted(names)


class Digest(NamedTuple):
    """What a row keeps of a token's value."""

    digest: str
    pepper: int

    @classmethod
    @sensitive_variables("value")
    def of(cls, value: str) -> Digest:
        """The digest of `value` under the newest pepper."""
        number = max(settings.TOKEN_PEPPERS)
        return cls(credential.digest(value, settings.TOKEN_PEPPERS[number]), number)


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
        form_nonce: str | None = None,
        request: HttpRequest | None = None,
    ) -> tuple[Token, Credential]:
        """Make a token and its event; the credential is returned here and kept nowhere.

        `scopes` are names from the catalogue; `allowed_addresses` networks in CIDR form, none meaning anywhere.
        Raises TokenLimitReached, ScopeNotAllowed, or FormAlreadySent where the owner's `form_nonce` made one before.
        """
        new = credential.generate(settings.TOKEN_PREFIX, environment)
        with transaction.atomic():
            # Whoever holds the owner's row counts alone, so that no two requests both take the last place.
            get_user_model().objects.select_for_update(no_key=True).get(pk=owner.pk)
            if form_nonce and (sent := self.owned_by(owner).filter(form_nonce=form_nonce).first()):
                raise FormAlreadySent(sent)
            if self.owned_by(owner).active().count() >= settings.MAX_TOKENS_PER_USER:
                raise TokenLimitReached(settings.MAX_TOKENS_PER_USER)
            # Locked, so that a scope is not restricted to a group in between, unseen by either side.
            held = list(Scope.objects.held_by(owner).filter(name__in=scopes).select_for_update(of=("self",)))
            if missing := set(scopes) - {scope.name for scope in held}:
                raise ScopeNotAllowed(missing)
            token = self.create(
                owner_id=owner.pk,
                name=name,
                environment=environment,
                expires_at=expires_at,
                scope=" ".join(scope.name for scope in held),
                asks_catalogue=any(scope.group_id for scope in held),
                addresses=" ".join(allowed_addresses),
                form_nonce=form_nonce,
                identifier=new.identifier,
                **Digest.of(new.value)._asdict(),
            )
            Event.record(Event.Kind.CREATED, token, request)
        return token, new


class Token(models.Model):
    """A credential that lets a program call the API as its owner. The value itself is not kept."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=NAME_LENGTH)
    environment = models.CharField(max_length=4, choices=Environment.choices)
    identifier = models.CharField(max_length=credential.IDENTIFIER_LENGTH)
    digest = models.CharField(max_length=64)
    pepper = models.PositiveSmallIntegerField()
    scope = models.TextField(blank=True, default="")  # names with a space between, as in RFC 6749 section 3.3
    asks_catalogue = models.BooleanField(default=False)  # a scope of it is restricted to a group, or was deleted
    addresses = models.TextField(blank=True, default="")  # networks with a space between; none means anywhere
    rate_limit = models.CharField(max_length=100, blank=True, default="")  # "": the setting's
    form_nonce = models.CharField(max_length=32, null=True, editable=False)  # noqa: DJ001  (NULL: made without a form)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    last_used_address = models.GenericIPAddressField(null=True)

    objects = TokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["owner", "-created_at"], name="token_owner_created")]
        constraints = [
            models.UniqueConstraint(fields=["identifier"], name="token_identifier"),
            models.UniqueConstraint(fields=["owner", "form_nonce"], name="token_form_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.identifier})"

    def get_absolute_url(self) -> str:
        return reverse("token_detail", args=[self.identifier])

    @property
    def masked(self) -> str:
        return credential.mask(self.identifier)

    @property
    def status(self) -> Status:
        now = timezone.now()
        if self.revoked_at is not None:
            return Status.REVOKED
        if self.expires_at <= now:
            return Status.EXPIRED
        if self.expires_at <= now + EXPIRING_SOON:
            return Status.EXPIRING_SOON
        return Status.ACTIVE

    @property
    def scopes(self) -> list[str]:
        """The names of what it may do, in alphabetical order."""
        return self.scope.split()

    @property
    def allowed_addresses(self) -> list[str]:
        """The networks that it may be used from; none means anywhere."""
        return self.addresses.split()

    @property
    def owner_is_active(self) -> bool:
        return bool(self.owner.is_active)

    @sensitive_variables("value")
    def is_proven_by(self, value: str) -> bool:
        """Whether `value` is this token. False, too, when its pepper is no longer among the settings."""
        pepper = settings.TOKEN_PEPPERS.get(self.pepper)
        return pepper is not None and credential.verify(value, pepper, self.digest)

    @sensitive_variables("value")
    def newer_digest(self, value: str) -> Digest | None:
        """The proven `value` under the newest pepper, where this row still has an older one's digest."""
        return None if self.pepper == max(settings.TOKEN_PEPPERS) else Digest.of(value)

    def limit(self, rate_limit: str, request: HttpRequest | None = None) -> None:
        """Give this token a rate limit of its own, in the notation of `limits`; "" is the installation's."""
        with transaction.atomic():
            Token.objects.filter(pk=self.pk).update(rate_limit=rate_limit)
            self.rate_limit = rate_limit
            Event.record(Event.Kind.LIMITED, self, request, rate_limit or "the installation's")

    def revoke(self, request: HttpRequest | None = None) -> bool:
        """End this token for good. True when this call did it, False when it was revoked before."""
        with transaction.atomic():
            now = timezone.now()
            if not Token.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=now):
                return False
            self.revoked_at = now
            Event.record(Event.Kind.REVOKED, self, request)
        return True
