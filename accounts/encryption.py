"""Encryption of second factors' secrets in the database.

The secrets belong to authenticator apps and recovery codes. A key derived from SECRET_KEY encrypts
them. Keys derived from SECRET_KEY_FALLBACKS can still decrypt. No key is in the database.
"""

from base64 import urlsafe_b64encode
from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

# Each encrypted text begins with these letters. Secrets that are not encrypted never do.
ENCRYPTED = "gAAAAA"
SECRETS = ("secret", "seed", "migrated_codes")  # in an authenticator's `data`; passkeys have none


def encrypt(text: str) -> str:
    """Return `text`, encrypted with the key that is derived from SECRET_KEY."""
    return fernet(settings.SECRET_KEY).encrypt(text.encode()).decode()


def decrypt(text: str) -> str:
    """Return the decrypted `text`. Raise InvalidToken if no key decrypts it.

    Early releases did not encrypt. A text from then is returned unchanged.
    """
    return decrypting_fernet().decrypt(text).decode() if text.startswith(ENCRYPTED) else text


def reencrypt(authenticator: Authenticator) -> bool:
    """Encrypt the secrets of a second factor again, with the key of the current SECRET_KEY.

    Return True if the row was changed, or False if this key had encrypted the secrets already.
    Raise InvalidToken if no key decrypts them.
    """
    if all(map(is_current, secret_texts(authenticator.data))):
        return False
    with transaction.atomic():
        row = Authenticator.objects.select_for_update().filter(pk=authenticator.pk).first()
        if row is not None:  # None: the factor was removed meanwhile
            row.data = reencrypted_data(row.data)
            row.save(update_fields=["data"])
    return row is not None


def secret_texts(data: dict[str, Any]) -> list[str]:
    """Return those texts in the JSON `data` of a second factor that must be encrypted."""
    found = [data[name] for name in SECRETS if name in data]
    return [text for value in found for text in (value if isinstance(value, list) else [value])]


def reencrypted_data(data: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a second factor's JSON, with secrets encrypted by the current key."""

    def again(value: Any) -> Any:
        return (
            [again(each) for each in value] if isinstance(value, list) else encrypt(decrypt(value))
        )

    return {name: again(value) if name in SECRETS else value for name, value in data.items()}


def is_current(text: str) -> bool:
    """Return True if the key of the current SECRET_KEY has encrypted `text`."""
    try:
        fernet(settings.SECRET_KEY).decrypt(text)
    except InvalidToken:
        return False
    return True


def decrypting_fernet() -> MultiFernet:
    """Return an object that decrypts with the keys of SECRET_KEY and SECRET_KEY_FALLBACKS."""
    return MultiFernet(
        [fernet(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    )


def fernet(key: str) -> Fernet:
    """Return an object that encrypts and decrypts. Its key is derived from `key`, a SECRET_KEY."""
    made = salted_hmac("accounts.adapter.MFAAdapter", "", secret=key, algorithm="sha256").digest()
    return Fernet(urlsafe_b64encode(made))
