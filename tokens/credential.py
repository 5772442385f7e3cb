"""The token string: make, parse, mask and digest. Pure: no database, no settings, nothing of ours imported.

tkn_live_4mQ7wXb2ZpT9c1K<43 characters><6 characters>
|------ identifier ----|---- secret ---|-- checksum --|
"""

import hashlib
import hmac
import secrets
import zlib
from dataclasses import dataclass, field

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ENVIRONMENTS = ("live", "test", "dev")
IDENTIFIER_LENGTH = 24
SECRET_LENGTH = 43  # base62 characters: 256 bits
CHECKSUM_LENGTH = 6  # 62 ** 6 > 2 ** 32
TOKEN_LENGTH = IDENTIFIER_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH
BULLET = "•"


class MalformedToken(ValueError):
    """The text can't be a token of this installation; the message says why and never quotes the text."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A token whose form is right. Whether it is anybody's is for the digest to say."""

    value: str = field(repr=False)
    identifier: str


def generate(prefix: str, environment: str) -> Credential:
    """A new token from the operating system's random numbers."""
    start = f"{prefix}_{environment}_"
    random = "".join(secrets.choice(ALPHABET) for _ in range(TOKEN_LENGTH - CHECKSUM_LENGTH - len(start)))
    body = start + random
    return Credential(value=body + checksum(body), identifier=body[:IDENTIFIER_LENGTH])


def parse(text: str, prefix: str) -> Credential:
    """The credential that `text` spells, or MalformedToken saying what is wrong with it."""
    starts = tuple(f"{prefix}_{environment}_" for environment in ENVIRONMENTS)
    if not text.startswith(starts):
        raise MalformedToken(
            f"another kind of credential: tokens here begin with {', '.join(starts[:-1])} or {starts[-1]}"
        )
    if len(text) != TOKEN_LENGTH:
        fault = "incomplete" if len(text) < TOKEN_LENGTH else "too long"
        raise MalformedToken(f"{fault}: {len(text)} of {TOKEN_LENGTH} characters")
    for position, character in enumerate(text, start=1):
        if character not in ALPHABET and character != "_":
            raise MalformedToken(f"mistyped: character {position} is one that tokens never contain")
    if text[-CHECKSUM_LENGTH:] != checksum(text[:-CHECKSUM_LENGTH]):
        raise MalformedToken("mistyped: the checksum does not match")
    return Credential(value=text, identifier=text[:IDENTIFIER_LENGTH])


def checksum(body: str) -> str:
    """CRC-32 (zlib) of `body` in base62, 6 characters. It finds slips of the hand; it proves nothing."""
    number = zlib.crc32(body.encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def mask(identifier: str) -> str:
    """The identifier and a bullet for each character that stays hidden."""
    return identifier + BULLET * (TOKEN_LENGTH - len(identifier))


def digest(value: str, pepper: str) -> str:
    """HMAC-SHA-256 of the token, keyed by the pepper, in hexadecimal: what the database keeps."""
    return hmac.new(pepper.encode(), value.encode(), hashlib.sha256).hexdigest()


def verify(value: str, pepper: str, expected: str) -> bool:
    """Whether `value` is the token whose digest is `expected`; takes the same time whichever digit differs."""
    return hmac.compare_digest(digest(value, pepper), expected)
