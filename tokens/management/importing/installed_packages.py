"""Read tokens from the tables of other packages for tokens in this Django project."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.management.base import CommandError
from django.utils.text import capfirst
from django.views.decorators.debug import sensitive_variables

from tokens.authentication.imported_values import HASH_LENGTHS, prefix_key
from tokens.management.importing.foreign_token import (
    NEVER,
    ForeignToken,
    credential_of,
    credential_of_hash,
    short_name,
)
from tokens.models import ForeignCredential, Source

KNOX_BEGINNING = 8  # characters of a knox token that pages show; the package stores 15 of them
MAX_ITERATIONS = 5_000_000  # several times the number of any release of Django: some seconds
KNOX_ALGORITHM = re.compile(r"(?:.*\.)?(?:openssl_)?(sha256|sha512)", re.IGNORECASE)


def model_called(label: str) -> Any:
    """Return the model `label`, such as "knox.AuthToken".

    Raise CommandError if this project has no such model.
    """
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):
        raise CommandError(
            f"This project has no model {label}: its application is not in INSTALLED_APPS. Tokens "
            "of another installation come from a file: docs/import.md shows how to write it."
        ) from None


def stored_rows(model: Any, *related: str) -> Iterator[Any]:
    """Yield the rows of a model, with the rows that the foreign keys `related` name."""
    rows = model._default_manager.select_related(*related)  # noqa: SLF001
    yield from rows.order_by("pk").iterator(chunk_size=1000)


@sensitive_variables()
def read_drf_authtoken() -> Iterator[ForeignToken]:
    """Yield the tokens of rest_framework.authtoken, which stores the values."""
    for row in stored_rows(model_called("authtoken.Token"), "user"):
        token = ForeignToken(f"the DRF token of {row.user.get_username()}", "DRF token")
        token.owner, token.facts["made_at"] = row.user, row.created
        yield with_credential(token, credential_of, row.key)


def read_knox() -> Iterator[ForeignToken]:
    """Yield the tokens of django-rest-knox, which stores hashes."""
    model = model_called(getattr(settings, "KNOX_TOKEN_MODEL", "knox.AuthToken"))
    algorithm = knox_algorithm()
    for row in stored_rows(model, "user"):
        beginning = row.token_key[:KNOX_BEGINNING]
        name = f"knox token {beginning}"
        token = ForeignToken(
            f"{name} of {row.user.get_username()}", name, expires_at=row.expiry or NEVER
        )
        token.owner = row.user
        token.facts.update(made_at=row.created, begins_with=beginning)
        yield with_credential(token, credential_of_hash, algorithm, row.digest)


def knox_algorithm() -> str:
    """Return the hash algorithm of django-rest-knox in this project: "sha256" or "sha512".

    Raise CommandError if the project uses another one.
    """
    chosen = getattr(settings, "REST_KNOX", {}).get("SECURE_HASH_ALGORITHM", "hashlib.sha512")
    found = KNOX_ALGORITHM.fullmatch(str(getattr(chosen, "__name__", chosen)))
    if not found:
        raise CommandError(
            f"REST_KNOX has the SECURE_HASH_ALGORITHM {chosen}. Only tokens that are stored as "
            f"{' or '.join(HASH_LENGTHS)} can be imported."
        )
    return found[1].lower()


def read_drf_api_key(label: str) -> Iterator[ForeignToken]:
    """Yield the keys of djangorestframework-api-key. `label` names the model of the keys.

    The keys have no owner, unless the project's own model has one foreign key to the accounts.
    """
    model = model_called(label or "rest_framework_api_key.APIKey")
    fields = {field.name: field for field in model._meta.concrete_fields}  # noqa: SLF001
    if not {"prefix", "hashed_key", "revoked", "expiry_date"} <= fields.keys():
        raise CommandError(f"{label} is no model of djangorestframework-api-key.")
    owners = [name for name in fields if fields[name].related_model is get_user_model()]
    owner = owners[0] if len(owners) == 1 else ""
    for row in stored_rows(model, *owners):
        name = short_name(row.name)
        token = ForeignToken(f"the key {row.prefix} ({name})", name)
        token.owner = getattr(row, owner) if owner else None
        token.expires_at = row.expiry_date or NEVER
        token.is_revoked = row.revoked
        token.facts.update(made_at=row.created, begins_with=f"{row.prefix}.")
        yield with_credential(token, credential_of_key, row.prefix, row.hashed_key)


def credential_of_key(prefix: str, hashed_key: str) -> ForeignCredential:
    """Return what is stored of a key of djangorestframework-api-key.

    Its release 3 stores SHA-512. Earlier releases store a slow hash, as Django does for passwords.
    Raise ValueError for a slow hash that is not PBKDF2, which is Django's default, or that would
    take too long.
    """
    algorithm, _, rest = hashed_key.partition("$$")
    if algorithm == "sha512":
        return credential_of_hash(algorithm, rest)
    try:
        iterations = int(PBKDF2PasswordHasher().decode(hashed_key)["iterations"])
    except (ValueError, AssertionError):
        raise ValueError(
            "the hash is neither SHA-512 nor PBKDF2. Use the key once with release 3 of the "
            "package, which then stores SHA-512"
        ) from None
    if iterations > MAX_ITERATIONS:
        raise ValueError(
            f"the PBKDF2 hash has {iterations} iterations, and {MAX_ITERATIONS} is the most. "
            "Use the key once with release 3 of the package, which then stores SHA-512"
        )
    return ForeignCredential(prefix_key(prefix), slow_hash=hashed_key)


@sensitive_variables()
def read_django_oauth_toolkit() -> Iterator[ForeignToken]:
    """Yield the access tokens of django-oauth-toolkit.

    A token without a person, of the client credentials grant, gets the owner of its application.
    The package stores values, or with its setting for RFC 9700 only their SHA-256.
    """
    label = getattr(settings, "OAUTH2_PROVIDER_ACCESS_TOKEN_MODEL", "oauth2_provider.AccessToken")
    for row in stored_rows(model_called(label), "user", "application__user"):
        application = row.application
        name = short_name(application.name) if application and application.name else "OAuth token"
        token = ForeignToken(
            f"access token {row.pk} ({name})", name, expires_at=row.expires or NEVER
        )
        token.owner = row.user or (application.user if application else None)
        token.scopes = row.scope.split()
        token.facts["made_at"] = row.created
        if row.token:
            yield with_credential(token, credential_of, row.token)
        else:
            yield with_credential(token, credential_of_hash, "sha256", row.token_checksum)


@sensitive_variables()
def with_credential(
    token: ForeignToken, make: Callable[..., ForeignCredential], *stored: str
) -> ForeignToken:
    """Return `token` with the credential that `make` returns for what the other program stores."""
    try:
        token.credential = make(*stored)
    except ValueError as error:
        token.problems.append(capfirst(f"{error}."))
    return token


PACKAGE_READERS: dict[Source, Callable[[], Iterator[ForeignToken]]] = {
    Source.DRF_AUTHTOKEN: read_drf_authtoken,
    Source.KNOX: read_knox,
    Source.DJANGO_OAUTH_TOOLKIT: read_django_oauth_toolkit,
}
