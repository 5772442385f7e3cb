"""Generate, parse, mask and hash the text of a token. Nothing here uses the database or settings.

tkn_live_4mQ7wXb2ZpT9c1K<43 characters><6 characters>
|------ identifier ----|---- secret ---|-- checksum --|
"""

import hmac
import re
import secrets
import zlib
from dataclasses import dataclass, field
from functools import cache

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# All pairs of base62 digits. A checksum is made of three pairs, which is faster than six digits.
DIGIT_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
ENVIRONMENTS = ("live", "test", "dev")
IDENTIFIER_LENGTH = 24
SECRET_LENGTH = 43  # base62 characters: 256 bits
CHECKSUM_LENGTH = 6  # 62 ** 6 > 2 ** 32
TOKEN_LENGTH = IDENTIFIER_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH
BULLET = "•"
OPENING_QUOTES = tuple("\"'`<([{")
PLACEHOLDER_STARTS = tuple("$%{<[")
WRONG_CHARACTER = re.compile(r"[^0-9A-Za-z_]")


class MalformedToken(ValueError):
    """The text can't be a token of this installation.

    The exception's message says why. `action` says what the sender should do. Neither contains
    the text, because it may be a secret.
    """

    def __init__(
        self, reason: str, action: str = "Copy the whole token again from where it is stored."
    ) -> None:
        super().__init__(reason)
        self.action = action


@dataclass(frozen=True, slots=True)
class Credential:
    """A text in the form of a token: right prefix, length, characters and checksum.

    The database must still be asked if the token exists.
    """

    value: str = field(repr=False)
    identifier: str


def generate(prefix: str, environment: str) -> Credential:
    """Return a new random token, such as `tkn_live_...` for prefix `tkn`, environment `live`."""
    start = f"{prefix}_{environment}_"
    length = TOKEN_LENGTH - CHECKSUM_LENGTH - len(start)
    body = start + "".join(secrets.choice(ALPHABET) for _ in range(length))
    return Credential(value=body + checksum(body), identifier=body[:IDENTIFIER_LENGTH])


def parse(text: str, prefixes: tuple[str, ...]) -> Credential:
    """Check that `text` has the form of a token, and return it as a Credential.

    `prefixes` are those that tokens of this installation may have. Raise MalformedToken if the
    form is wrong.
    """
    starts = token_starts(prefixes)
    if not text.startswith(starts):
        raise wrong_start(text, starts)
    if len(text) != TOKEN_LENGTH:
        reason = "incomplete" if len(text) < TOKEN_LENGTH else "too long"
        raise MalformedToken(f"{reason}: {len(text)} of {TOKEN_LENGTH} characters")
    if wrong := WRONG_CHARACTER.search(text):
        raise MalformedToken(
            f"mistyped: character {wrong.start() + 1} is one that tokens never contain"
        )
    if text[-CHECKSUM_LENGTH:] != checksum(text[:-CHECKSUM_LENGTH]):
        raise MalformedToken("mistyped: the checksum does not match")
    return Credential(value=text, identifier=text[:IDENTIFIER_LENGTH])


def wrong_start(text: str, starts: tuple[str, ...]) -> MalformedToken:
    """Return the exception for a text that begins with none of `starts`, such as `tkn_live_`."""
    if text[:1] in OPENING_QUOTES and text[1:].startswith(starts):
        return MalformedToken("in quotes or brackets", "Send it without them.")
    if text[:1] in PLACEHOLDER_STARTS:
        return MalformedToken(
            "the name of a variable or a placeholder", "Send the token itself instead."
        )
    return MalformedToken(
        "another kind of credential, or its first characters are missing: "
        f"tokens here begin with {', '.join(starts[:-1])} or {starts[-1]}"
    )


@cache
def token_starts(prefixes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the texts with which a token can begin: `tkn_live_`, `tkn_test_` and so on."""
    return tuple(f"{prefix}_{environment}_" for prefix in prefixes for environment in ENVIRONMENTS)


def checksum(body: str) -> str:
    """Return the CRC-32 (zlib) of `body` as 6 characters of base62.

    The checksum finds typing and copying errors. It does not show that a token is real, because
    anybody can compute it.
    """
    rest, low = divmod(zlib.crc32(body.encode()), len(DIGIT_PAIRS))
    high, middle = divmod(rest, len(DIGIT_PAIRS))
    return DIGIT_PAIRS[high] + DIGIT_PAIRS[middle] + DIGIT_PAIRS[low]


def mask(identifier: str) -> str:
    """Return the token as pages show it: its identifier, and a bullet for each secret character.

    The identifier is the public part of a token: its first 24 characters.
    """
    return identifier + BULLET * (TOKEN_LENGTH - len(identifier))


def digest(value: str, pepper: str) -> str:
    """Return the hash of a token that the database stores in place of the token.

    `value` is the whole token. The hash is HMAC-SHA-256 in hexadecimal. Its key is the pepper, a
    secret of the installation that is not in the database.
    """
    mac = keyed_mac(pepper).copy()
    mac.update(value.encode())
    return mac.hexdigest()


@cache
def keyed_mac(pepper: str) -> hmac.HMAC:
    """Return an HMAC-SHA-256 object with `pepper` as the key, to be copied for each token.

    A copy takes half the time that a new object takes.
    """
    return hmac.new(pepper.encode(), digestmod="sha256")


def verify(value: str, pepper: str, expected: str) -> bool:
    """Return True if `expected`, the stored hash, is the hash of the token `value`.

    The comparison takes the same time for all values, so its duration reveals nothing.
    """
    return hmac.compare_digest(digest(value, pepper), expected)
