"""Read the token from an Authorization header. Nothing here uses the database.

Imported tokens may come with another scheme or in another header: see LEGACY_SCHEMES and
LEGACY_HEADERS in docs/import.md.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from django.views.decorators.debug import sensitive_variables

from tokens.authentication import credentials
from tokens.authentication.credentials import IDENTIFIER_LENGTH, Credential
from tokens.authentication.imported_values import MAX_VALUE_LENGTH, ImportedCredential
from tokens.core import redaction
from tokens.problems import problem
from tokens.token_settings import token_settings


def find_header(meta: Mapping[str, Any]) -> str:
    """Return the value of the Authorization header, or "" if there is none.

    `meta` is the environ of WSGI. Without this header, a header that LEGACY_HEADERS names counts
    as an Authorization header whose scheme is the name of that header.
    """
    return meta.get("HTTP_AUTHORIZATION") or find_legacy_header(meta)


@sensitive_variables()
def find_legacy_header(meta: Mapping[str, Any]) -> str:
    """Return the name and the value of the first header of LEGACY_HEADERS, or "" without one."""
    for name in token_settings.LEGACY_HEADERS:
        if value := meta.get(meta_key(name)):
            return f"{name} {value}"
    return ""


def hide_legacy_headers(meta: Mapping[str, Any]) -> None:
    """Hide from logs what came in the headers of LEGACY_HEADERS, and nothing of older requests.

    Call this when a request begins. `meta` is its environ of WSGI.
    """
    redaction.hide_nothing()
    for name in token_settings.LEGACY_HEADERS:
        redaction.hide(meta.get(meta_key(name), ""))


def meta_key(header: str) -> str:
    """Return the key of a header in the environ of WSGI."""
    return f"HTTP_{header.upper().replace('-', '_')}"


@sensitive_variables()
def read_credential(header: str, *, basic: bool) -> Credential | ImportedCredential:
    """Return the token in the value of an Authorization header (RFC 6750 section 2.1).

    If `basic` is True, accept `Basic` as well as `Bearer`, but no imported token with `Basic`.
    Raise Problem (an error answer) if the form of the header or of the token is wrong. The token
    may still be unknown in the database.
    """
    if not header.isascii() or not header.isprintable():
        raise problem.malformed_header("characters that are not printable ASCII")
    # WSGI servers join repeated headers with a comma, so a comma can hide a second credential.
    if "," in header and re.search(r"bearer|^basic ", header, re.IGNORECASE):
        raise problem.malformed_header("more than one value: send it once, without commas")
    scheme, _, text = header.partition(" ")
    is_basic = basic and scheme.lower() == "basic"
    if is_basic:
        text = read_basic_token(text)
    elif scheme.lower() != "bearer":
        if is_legacy(scheme):
            return read_imported(scheme, text)
        raise problem.missing_credentials(scheme=scheme, basic=basic)
    if not text.strip():
        raise problem.malformed_header("`Bearer` with no token after it")
    if " " in text:
        if text.lstrip().startswith(credentials.PLACEHOLDER_STARTS):
            raise problem.malformed_header(
                "the name of a variable or a placeholder: send the token itself instead"
            )
        raise problem.malformed_header(
            "extra spaces: write one space after `Bearer`, and none after the token"
        )
    return parse_ours(text) if is_basic else parse_bearer(text)


def parse_bearer(text: str) -> Credential | ImportedCredential:
    """Return the token in `text`, one word after `Bearer`. Raise Problem if its form is wrong."""
    if "bearer" in token_settings.LEGACY_SCHEMES and not begins_like_ours(text):
        return imported_credential(text)
    return parse_ours(text)


def parse_ours(text: str) -> Credential:
    """Return the token of this installation in `text`. Raise Problem if its form is wrong."""
    try:
        return credentials.parse(text, token_settings.PREFIX)
    except credentials.MalformedToken as error:
        raise problem.malformed_token(str(error), error.action) from None


def is_legacy(scheme: str) -> bool:
    """Return True if imported tokens may come with this scheme, or in the header of this name."""
    return (
        scheme.lower() in token_settings.LEGACY_SCHEMES or scheme in token_settings.LEGACY_HEADERS
    )


@sensitive_variables()
def read_imported(scheme: str, text: str) -> ImportedCredential:
    """Return the imported token in `text`, which came with the scheme, or in the header, `scheme`.

    Raise Problem if the form is wrong, or if the text is a token of ours: such tokens come only
    as `Bearer`.
    """
    if begins_like_ours(text.strip()):
        raise problem.Problem(
            "missing_credentials",
            f"The token came with `{scheme}`, which is only for imported tokens. "
            "Send the header `Authorization: Bearer <token>`.",
        )
    if not text or " " in text or "," in text:
        raise problem.malformed_header(f"not exactly one word after `{scheme}`")
    return imported_credential(text)


@sensitive_variables()
def imported_credential(text: str) -> ImportedCredential:
    """Return the text as the value of an imported token, and hide the value from logs.

    Raise Problem (`unknown_token`) if the text is too long.
    """
    redaction.hide(text)
    if len(text) > MAX_VALUE_LENGTH:
        raise problem.unknown_token()
    return ImportedCredential(text)


def begins_like_ours(text: str) -> bool:
    """Return True if `text` begins as tokens of this installation do, such as `tkn_live_`."""
    return text.startswith(credentials.token_starts(token_settings.PREFIX))


@sensitive_variables()
def may_be_ours(header: str) -> bool:
    """Return True if the header has a scheme of imported tokens, or `Bearer` and a token of ours.

    A project may accept other kinds of Bearer values beside ours.
    """
    scheme, _, text = header.partition(" ")
    is_bearer = scheme.lower() == "bearer"
    return (is_bearer and begins_like_ours(text.lstrip())) or is_legacy(scheme)


@sensitive_variables()
def read_basic_token(text: str) -> str:
    """Return the token in `text`, the Base64 of Basic credentials (RFC 7617).

    The password is the token. The user name must be the token's identifier, which is its first
    part. Raise Problem (an error answer) if the form is wrong.
    """
    try:
        user, _, value = b64decode(text, validate=True).decode("ascii").partition(":")
    except ValueError:
        raise problem.malformed_header(
            "Basic credentials that are not Base64 of ASCII text"
        ) from None
    if user != value[:IDENTIFIER_LENGTH]:
        raise problem.malformed_token(
            f"not that of the user name, which must be its first {IDENTIFIER_LENGTH} characters",
            "Send the token as the password, and its first characters as the user name.",
        )
    return value
