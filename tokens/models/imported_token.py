"""Imported tokens: tokens that another program made, and that work here until a named day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import Q
from django.views.decorators.debug import sensitive_variables

from tokens import signals
from tokens.authentication import credentials, imported_values
from tokens.models.digest import Digest
from tokens.models.event import Event
from tokens.models.scope import Scope
from tokens.models.token import Token
from tokens.token_settings import token_settings

LOOKUP_LENGTH = 200
SLOW_HASH_LENGTH = 255
BEGINNING_LENGTH = 24


class Source(models.TextChoices):
    """Where an imported token comes from."""

    FILE = "file", "a file"
    DRF_AUTHTOKEN = "drf-authtoken", "Django REST framework"
    KNOX = "knox", "django-rest-knox"
    DRF_API_KEY = "drf-api-key", "djangorestframework-api-key"
    DJANGO_OAUTH_TOOLKIT = "django-oauth-toolkit", "django-oauth-toolkit"
    SANCTUM = "sanctum", "Laravel Sanctum"


class ForeignCredential(NamedTuple):
    """What another program stores of a token. `imported_values` makes `key`.

    `digest` is empty if the value is not known. `slow_hash` is empty unless the program stored a
    slow hash, in the form of Django's password hashers.
    """

    key: str
    digest: Digest | None = None
    slow_hash: str = ""

    @classmethod
    @sensitive_variables()
    def of(cls, value: str) -> ForeignCredential:
        """Return what is stored of a token whose value is known."""
        return cls(imported_values.key_of(value), Digest.of(value))


class ImportedTokenManager(models.Manager["ImportedToken"]):
    """Makes imported tokens."""

    def add(
        self,
        credential: ForeignCredential,
        *,
        owner: AbstractBaseUser,
        source: Source,
        scopes: Collection[str] = (),
        begins_with: str = "",
        made_at: datetime | None = None,
        **fields: Any,
    ) -> Token | None:
        """Make a token that works with its old value. Write the event, and return the token.

        Return None if the token was imported before. `begins_with` is the public beginning of the
        old value, and `made_at` the time at which the other program made the token. `fields` are
        fields of Token: `name`, `environment` and `expires_at` are required. The owner may have
        more tokens than MAX_TOKENS_PER_USER afterwards, because the tokens exist already. Raise
        ScopeNotAllowed.
        """
        with Token.objects.locked_for(owner.pk):
            known = Q(key=credential.key) | Q(source_key=credential.key)
            if self.filter(known).exists():
                return None
            Scope.objects.ensure_held(owner, scopes)
            token = self._create_token(
                credential.digest, owner_id=owner.pk, scope=" ".join(sorted(set(scopes))), **fields
            )
            self.create(
                token=token,
                source=source,
                key=credential.key,
                source_key=credential.key,
                slow_hash=credential.slow_hash,
                begins_with=begins_with,
                made_at=made_at,
            )
            Event.record(Event.Kind.IMPORTED, token, None, f"from {source.label}")
            signals.send_after_commit(signals.token_imported, token=token, actor=None)
        return token

    def _create_token(
        self, digest: Digest | None, *, environment: str, scope: str, **fields: Any
    ) -> Token:
        """Insert a token whose value is not ours. Its identifier is not a part of its value."""
        digest = digest or Digest("", token_settings.PEPPER_CURRENT)
        return Token.objects.create(
            environment=environment,
            identifier=credentials.generate(token_settings.PREFIX[0], environment).identifier,
            scope=scope,
            has_restricted_scopes=Scope.objects.are_restricted(scope.split()),
            **digest._asdict(),
            **fields,
        )

    def upgrade(self, token_pk: int, key: str) -> None:
        """Store the key of an imported token whose value is known since a use.

        `imported_values.key_of` makes `key`. Do nothing if the token is not imported, or if
        another token has this key: then the same value was imported twice, from two programs.
        """
        if not self.filter(key=key).exists():
            self.filter(token=token_pk).update(key=key, slow_hash="")


class ImportedToken(models.Model):
    """How to find an imported token by its old value, which is not stored.

    The token has an identifier of ours for pages, logs and headers. Its renewal makes a token of
    ours, which is not imported.
    """

    token = models.OneToOneField(
        Token, on_delete=models.CASCADE, primary_key=True, related_name="imported"
    )
    source = models.CharField(max_length=24, choices=Source.choices)
    # One of the keys that `imported_values.possible_keys` computes from the value.
    key = models.CharField(max_length=LOOKUP_LENGTH, unique=True)
    # The key at the import, so that a second import finds the token.
    source_key = models.CharField(max_length=LOOKUP_LENGTH, unique=True)
    slow_hash = models.CharField(max_length=SLOW_HASH_LENGTH, blank=True, default="")
    # The public beginning of the old value, by which people recognise the token. It is not the
    # description, because a successor inherits that.
    begins_with = models.CharField(max_length=BEGINNING_LENGTH, blank=True, default="")
    # When the other program made the token. `Token.created_at` is the time of the import, so that
    # no page calls a token unused before its first use could be seen.
    made_at = models.DateTimeField(null=True)

    objects = ImportedTokenManager()

    def __str__(self) -> str:
        return f"{self.token_id} from {self.get_source_display()}"
