"""The token string: make, parse, mask and digest. Pure: no database, no settings, nothing of ours imported.

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
PAIRS = [first + second for first in ALPHABET for second in ALPHABET]  # of digits: a checksum is three
ENVIRONMENTS = ("live", "test", "dev")
IDENTIFIER_LENGTH = 24
SECRET_LENGTH = 43  # base62 characters: 256 bits
CHECKSUM_LENGTH = 6  # 62 ** 6 > 2 ** 32
TOKEN_LENGTH = IDENTIFIER_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH
BULLET = "•"
QUOTES = tuple("\"'`<([{")
NOT_FILLED_IN = tuple("$%{<[")
WRONG_CHARACTER = re.compile(r"[^0-9A-Za-z_]")


class MalformedToken(ValueError):
    """The text can't be a token of this installation; it says why, and what to do, and never quotes the text."""

    def __init__(self, fault: str, action: str = "Copy it again, whole, from where it is kept.") -> None:
        super().__init__(fault)
        self.action = action


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
    starts = beginnings(prefix)
    if not text.startswith(starts):
        raise unlike(text, starts)
    if len(text) != TOKEN_LENGTH:
        fault = "incomplete" if len(text) < TOKEN_LENGTH else "too long"
        raise MalformedToken(f"{fault}: {len(text)} of {TOKEN_LENGTH} characters")
    if wrong := WRONG_CHARACTER.search(text):
        raise MalformedToken(f"mistyped: character {wrong.start() + 1} is one that tokens never contain")
    if text[-CHECKSUM_LENGTH:] != checksum(text[:-CHECKSUM_LENGTH]):
        raise MalformedToken("mistyped: the checksum does not match")
    return Credential(value=text, identifier=text[:IDENTIFIER_LENGTH])


def unlike(text: str, starts: tuple[str, ...]) -> MalformedToken:
    """What is wrong with a text that begins like no token of ours."""
    if text[:1] in QUOTES and text[1:].startswith(starts):
        return MalformedToken("in quotes or brackets", "Send it without them.")
    if text[:1] in NOT_FILLED_IN:
        return MalformedToken("the name of a variable or a placeholder", "Send what it stands for.")
    return MalformedToken(
        f"another kind of credential, or lacks its beginning: tokens here begin with {', '.join(starts[:-1])} or "
        f"{starts[-1]}"
    )


@cache
def beginnings(prefix: str) -> tuple[str, ...]:
    """How tokens of an installation with that prefix begin."""
    return tuple(f"{prefix}_{environment}_" for environment in ENVIRONMENTS)


def checksum(body: str) -> str:
    """CRC-32 (zlib) of `body` in base62, 6 characters. It finds slips of the hand; it proves nothing."""
    rest, low = divmod(zlib.crc32(body.encode()), len(PAIRS))
    high, middle = divmod(rest, len(PAIRS))
    return PAIRS[high] + PAIRS[middle] + PAIRS[low]


def mask(identifier: str) -> str:
    """The identifier and a bullet for each character that stays hidden."""
    return identifier + BULLET * (TOKEN_LENGTH - len(identifier))


def digest(value: str, pepper: str) -> str:
    """HMAC-SHA-256 of the token, keyed by the pepper, in hexadecimal: what the database keeps."""
    return hmac.digest(pepper.encode(), value.encode(), "sha256").hex()


def verify(value: str, pepper: str, expected: str) -> bool:
    """Whether `value` is the token whose digest is `expected`; takes the same time whichever digit differs."""
    return hmac.compare_digest(digest(value, pepper), expected)
