"""Where a token is in a text, plain or in Base64. Pure."""

import re
from base64 import b64decode

from tokens import credential, faults
from tokens.credential import ENVIRONMENTS
from tokens.faults import Fault

ANY_TOKEN = re.compile(rf"(?<![0-9A-Za-z])[a-z0-9]{{2,6}}_(?:{'|'.join(ENVIRONMENTS)})_")
RUN = re.compile(r"[^\s\"'`&,;<>]*")  # a token with text around it
BASE64 = re.compile(r"[0-9A-Za-z+/_-]{20,}={0,2}")


def start_of(text: str, prefix: str) -> int:
    """Where a token begins in `text`, one of this installation first; -1 where none does."""
    ours = [place for beginning in credential.beginnings(prefix) if (place := text.find(beginning)) >= 0]
    if ours:
        return min(ours)
    found = ANY_TOKEN.search(text)
    return found.start() if found else -1


def run(text: str) -> str:
    """What a token that begins `text` may reach to."""
    found = RUN.match(text)
    return found[0] if found else ""


def decoded(text: str, prefix: str) -> tuple[str, list[Fault]]:
    """Return `text` with the first token that it has in Base64 (RFC 4648) plain, and what is wrong with that.

    Basic credentials are in Base64 by right, and the user's name before the token is left out.
    """
    in_one_line = "".join(text.strip().splitlines())  # programs break long Base64 into several
    text = in_one_line if BASE64.fullmatch(in_one_line) else text
    for found in BASE64.finditer(text):
        plain = from_base64(found[0])
        is_basic = text[max(found.start() - 10, 0) : found.start()].rstrip().lower().endswith("basic")
        if is_basic:
            user, _, password = plain.partition(":")
            plain = password or user
        if (start := start_of(plain, prefix)) >= 0:
            value = plain[start:]
            wrong = [] if is_basic else [faults.BASE64]
            if value != value.strip():
                wrong.append(faults.LINE_BREAKS)
            return text[: found.start()] + value.strip() + text[found.end() :], wrong
    return text, []


def from_base64(text: str) -> str:
    """Return the ASCII text that `text` encodes, in either alphabet, padded or not; "" where it encodes none."""
    digits = text.rstrip("=").replace("-", "+").replace("_", "/")
    whole = digits[:-1] if len(digits) % 4 == 1 else digits  # cut short
    try:
        return b64decode(whole + "=" * (-len(whole) % 4)).decode("ascii")
    except ValueError:
        return ""
