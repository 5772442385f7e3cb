"""Find a token in a text, plain or in Base64. These functions use no database."""

import re
from base64 import b64decode

from tokens.authentication import credentials
from tokens.authentication.credentials import ENVIRONMENTS
from tokens.troubleshooting import credential_errors
from tokens.troubleshooting.credential_errors import CredentialError

ANY_TOKEN = re.compile(rf"(?<![0-9A-Za-z])[a-z0-9]{{2,6}}_(?:{'|'.join(ENVIRONMENTS)})_")
# A token, and the text that follows it without a space, quote or comma.
RUN = re.compile(r"[^\s\"'`&,;<>]*")
BASE64 = re.compile(r"[0-9A-Za-z+/_-]{20,}={0,2}")


def start_of(text: str, prefixes: tuple[str, ...]) -> int:
    """Return the index at which a token begins in `text`, or -1.

    A token with one of `prefixes` is preferred, because all others are from other installations.
    """
    ours = [
        place
        for beginning in credentials.token_starts(prefixes)
        if (place := text.find(beginning)) >= 0
    ]
    if ours:
        return min(ours)
    found = ANY_TOKEN.search(text)
    return found.start() if found else -1


def reach_of_token(text: str) -> str:
    """Return the beginning of `text`, up to a character that ends a token, such as a space."""
    found = RUN.match(text)
    return found[0] if found else ""


def without_base64(text: str, prefixes: tuple[str, ...]) -> tuple[str, list[CredentialError]]:
    """Decode the first token in `text` that is in Base64 (RFC 4648). Return the text and errors.

    Base64 is an error, except in Basic credentials. There the user name before the token is left
    out. Without a token in Base64, the text is unchanged and there are no errors.
    """
    in_one_line = "".join(text.strip().splitlines())  # programs break long Base64 into lines
    text = in_one_line if BASE64.fullmatch(in_one_line) else text
    for found in BASE64.finditer(text):
        plain = from_base64(found[0])
        lead = text[max(found.start() - 10, 0) : found.start()]
        is_basic = lead.rstrip().lower().endswith("basic")
        if is_basic:
            user, _, password = plain.partition(":")
            plain = password or user
        if (start := start_of(plain, prefixes)) >= 0:
            value = plain[start:]
            errors = [] if is_basic else [credential_errors.IS_BASE64]
            if value != value.strip():
                errors.append(credential_errors.LINE_BREAKS)
            return text[: found.start()] + value.strip() + text[found.end() :], errors
    return text, []


def from_base64(text: str) -> str:
    """Return the ASCII text that is encoded in `text`, or "" if there is none.

    Both alphabets of Base64 are read, with and without padding.
    """
    digits = text.rstrip("=").replace("-", "+").replace("_", "/")
    whole = digits[:-1] if len(digits) % 4 == 1 else digits  # one digit alone has no meaning
    try:
        return b64decode(whole + "=" * (-len(whole) % 4)).decode("ascii")
    except ValueError:
        return ""
