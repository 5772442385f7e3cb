"""Fingerprints of secrets in the database, so that no node starts with different secrets.

A fingerprint is a hash that shows whether two secrets are equal, and nothing else.
"""

import hmac
from collections.abc import Mapping

from django.conf import settings
from django.db import transaction

from config.models import Fingerprint
from tokens.token_settings import token_settings

KEY = "SECRET_KEY"
PEPPER = "TOKEN_PEPPERS number "


def fingerprint(name: str, value: str) -> str:
    """Return a hash of the secret `value`: 128 bits of an HMAC, in hexadecimal.

    Secrets are random, so nobody can find out the secret from the hash.
    """
    digest = hmac.digest(value.encode(), f"tokenry fingerprint of {name}".encode(), "sha256")
    return digest[:16].hex()


def own_fingerprints() -> dict[str, list[str]]:
    """Return the fingerprints (hashes) of this node's secrets, by the name of the secret."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    peppers = {f"{PEPPER}{number}": [value] for number, value in token_settings.PEPPERS.items()}
    return {
        name: [fingerprint(name, value) for value in values]
        for name, values in ({KEY: keys} | peppers).items()
    }


def differing_names(known: Mapping[str, list[str]], present: Mapping[str, list[str]]) -> list[str]:
    """Return the names of the secrets in `present` whose values are not in `known`.

    Both have fingerprints (hashes) by the name of the secret. Names that `known` lacks do not
    count.
    """
    return [
        name
        for name, values in present.items()
        if name in known and not set(values) & set(known[name])
    ]


def difference_in_words(name: str) -> str:
    """Return the message that this node's secret `name` is not the one that the database has."""
    if name == KEY:
        return (
            "Neither SECRET_KEY nor a key in SECRET_KEY_FALLBACKS is the key that this database "
            "is used with."
        )
    return f"{name} does not have the value that this database is used with."


def recorded_fingerprints() -> dict[str, list[str]]:
    """Return the fingerprints (hashes) in the database, by the name of the secret."""
    return dict(Fingerprint.objects.values_list("name", "fingerprints"))


def differences() -> list[str]:
    """Return a sentence for each secret of this node that is not the one in the database.

    This takes one small query. Raise django.db.Error if the database does not answer, or does not
    have the table yet.
    """
    return list(
        map(difference_in_words, differing_names(recorded_fingerprints(), own_fingerprints()))
    )


def record() -> list[str]:
    """Compare this node's secrets with the recorded ones. If none differs, record new secrets.

    Return a sentence for each secret that differs.

    NOTE: Several nodes may start at once with a new database. The name is the primary key, so the
    first node inserts a row, and the others compare with it. Keys that this node no longer has are
    removed from the record of SECRET_KEY. Peppers are never removed, because a pepper's number
    must never get another value.
    """
    present = own_fingerprints()
    with transaction.atomic():
        for name, values in present.items():
            Fingerprint.objects.get_or_create(name=name, defaults={"fingerprints": values})
        Fingerprint.objects.select_for_update().get(name=KEY)
        if found := differences():
            transaction.set_rollback(True)
        else:
            Fingerprint.objects.filter(name=KEY).update(fingerprints=present[KEY])
    return found


def accept() -> None:
    """Replace the recorded fingerprints (hashes) with those of this node's secrets."""
    with transaction.atomic():
        Fingerprint.objects.all().delete()
        Fingerprint.objects.bulk_create(
            Fingerprint(name=name, fingerprints=values)
            for name, values in own_fingerprints().items()
        )
