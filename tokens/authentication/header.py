"""Read the token from an Authorization header. Nothing here uses the database."""

import re
from base64 import b64decode

from django.views.decorators.debug import sensitive_variables

from tokens.authentication import credentials
from tokens.authentication.credentials import IDENTIFIER_LENGTH, Credential
from tokens.problems import problem
from tokens.token_settings import token_settings


@sensitive_variables()
def read_credential(header: str, *, basic: bool) -> Credential:
    """Return the token in the value of an Authorization header (RFC 6750 section 2.1).

    If `basic` is True, accept `Basic` as well as `Bearer`. Raise Problem (an error answer) if the
    form of the header or of the token is wrong. The token may still be unknown in the database.
    """
    if not header.isascii() or not header.isprintable():
        raise problem.malformed_header("characters that are not printable ASCII")
    # WSGI servers join repeated headers with a comma, so a comma can hide a second credential.
    if "," in header and re.search(r"bearer|^basic ", header, re.IGNORECASE):
        raise problem.malformed_header("more than one value: send it once, without commas")
    scheme, _, text = header.partition(" ")
    if basic and scheme.lower() == "basic":
        text = read_basic_token(text)
    elif scheme.lower() != "bearer":
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
    try:
        return credentials.parse(text, token_settings.PREFIX)
    except credentials.MalformedToken as error:
        raise problem.malformed_token(str(error), error.action) from None


@sensitive_variables()
def may_be_ours(header: str) -> bool:
    """Return True if the header is `Bearer` with a text that begins as our tokens do.

    A project may accept other kinds of Bearer values beside ours.
    """
    scheme, _, text = header.partition(" ")
    starts = credentials.token_starts(token_settings.PREFIX)
    return scheme.lower() == "bearer" and text.lstrip().startswith(starts)


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
