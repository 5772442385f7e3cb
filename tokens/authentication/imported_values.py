"""Compute from the value of an imported token the keys under which the token may be stored.

Other programs store tokens in different ways: as SHA-256, as SHA-512, or as a slow hash (PBKDF2)
that is found by the beginning of the value. Nothing here uses the database or settings.
"""

import re
from dataclasses import dataclass, field
from hashlib import sha256, sha512

MIN_VALUE_LENGTH = 16  # shorter values could be guessed
MAX_VALUE_LENGTH = 1000
HEXADECIMAL = re.compile("(?:[0-9a-f]{2})+")  # pairs of digits, in small letters
HASH_LENGTHS = {"sha256": 64, "sha512": 128}  # hexadecimal characters


@dataclass(frozen=True, slots=True)
class ImportedCredential:
    """A text that may be the value of an imported token. The database must still be asked."""

    value: str = field(repr=False)


def key_of(value: str) -> str:
    """Return the key of a token whose value was known at the import, or is known since a use."""
    return hash_key("sha256", sha256(value.encode()).hexdigest())


def hash_key(algorithm: str, digest: str) -> str:
    """Return the key of a token of which another program stored only a hash.

    `algorithm` is `sha256` or `sha512`, and `digest` is hexadecimal.
    """
    return f"{algorithm}:{digest.lower()}"


def prefix_key(prefix: str) -> str:
    """Return the key of a token with a slow hash: the part of the value before the dot."""
    return f"prefix:{prefix}"


def sanctum_key(number: str, digest: str) -> str:
    """Return the key of a token of Laravel Sanctum, whose value is for example "12|secret".

    `number` is the part before the bar, and `digest` the hexadecimal SHA-256 of the part after it.
    """
    return f"sanctum:{number}:{digest.lower()}"


def possible_keys(value: str) -> list[str]:
    """Return all keys under which an imported token with this value may be stored.

    django-rest-knox hashed the bytes that the hexadecimal value stands for until its release 5,
    and the text since then. Only the spelling of that package counts: after the first use no other
    spelling is accepted.
    """
    keys = [key_of(value), hash_key("sha512", sha512(value.encode()).hexdigest())]
    number, bar, secret = value.partition("|")
    if bar:
        keys.append(sanctum_key(number, sha256(secret.encode()).hexdigest()))
    if HEXADECIMAL.fullmatch(value):
        keys.append(hash_key("sha512", sha512(bytes.fromhex(value)).hexdigest()))
    prefix, dot, _ = value.partition(".")
    if dot:
        keys.append(prefix_key(prefix))
    return keys
