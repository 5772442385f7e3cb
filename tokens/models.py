"""Tokens and the events in their lives. Whatever changes a token writes its Event in the same transaction."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple, NoReturn, Self

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
from tokens.redaction import redact

NAME_LENGTH = 100
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
        form_nonce: str | None = None,
        request: HttpRequest | None = None,
    ) -> tuple[Token, Credential]:
        """Make a token and its event; the credential is returned here and kept nowhere.

        Raises TokenLimitReached, or FormAlreadySent where the owner's `form_nonce` made a token before.
        """
        new = credential.generate(settings.TOKEN_PREFIX, environment)
        with transaction.atomic():
            # Whoever holds the owner's row counts alone, so that no two requests both take the last place.
            get_user_model().objects.select_for_update(no_key=True).get(pk=owner.pk)
            if form_nonce and (sent := self.owned_by(owner).filter(form_nonce=form_nonce).first()):
                raise FormAlreadySent(sent)
            if self.owned_by(owner).active().count() >= settings.MAX_TOKENS_PER_USER:
                raise TokenLimitReached(settings.MAX_TOKENS_PER_USER)
            token = self.create(
                owner_id=owner.pk,
                name=name,
                environment=environment,
                expires_at=expires_at,
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

    def revoke(self, request: HttpRequest | None = None) -> bool:
        """End this token for good. True when this call did it, False when it was revoked before."""
        with transaction.atomic():
            now = timezone.now()
            if not Token.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=now):
                return False
            self.revoked_at = now
            Event.record(Event.Kind.REVOKED, self, request)
        return True


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
        REVOKED = "revoked", "Revoked"

    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="token_events"
    )
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    token = models.ForeignKey(Token, on_delete=models.SET_NULL, null=True, related_name="events")
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
    def record(cls, kind: Kind, token: Token, request: HttpRequest | None) -> None:
        """Write down what happened to `token`; `request` says by whom and from where, None is the command line."""
        user = getattr(request, "user", None)
        cls.objects.create(
            kind=kind,
            owner_id=token.owner_id,
            actor_id=user.pk if user else None,
            token=token,
            token_name=token.name,
            identifier=token.identifier,
            address=(request.META.get("REMOTE_ADDR") or None) if request else None,
            user_agent=redact(request.headers.get("User-Agent", ""))[:200] if request else "",
        )
