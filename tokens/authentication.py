"""THE PIPELINE: how the Authorization header of a request becomes a Token. Read it from top to bottom."""

import re

from django.conf import settings
from django.db import Error
from django.http import HttpRequest
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from tokens import credential, denial, policy
from tokens.credential import Credential
from tokens.models import Token
from tokens.usage import Use, recorder


@sensitive_variables("presented")
def authenticate(request: HttpRequest) -> Token:
    """The token that `request` was made with, its owner loaded, or a denial.Denial."""
    presented = read_credential(request)
    token = find(presented)
    admit(token)
    address = request.META.get("REMOTE_ADDR") or None
    recorder.record(token, Use(timezone.now(), address, token.newer_digest(presented.value)))
    return token


@sensitive_variables()
def read_credential(request: HttpRequest) -> Credential:
    """The credential in the Authorization header (RFC 6750 section 2.1), and nowhere else; its form is checked."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if not header.isascii() or not header.isprintable():
        raise denial.malformed_header("characters that are not printable ASCII")
    if re.search(r"^basic .*,|bearer.*,|,.*bearer", header, re.IGNORECASE):  # servers join repeated headers by a comma
        raise denial.malformed_header("more than one value: send it once, without commas")
    scheme, *words = header.split(" ")
    if scheme.lower() != "bearer":
        raise denial.missing_credentials()
    if not any(words):
        raise denial.malformed_header("`Bearer` with no token after it")
    if len(words) > 1:
        raise denial.malformed_header("extra spaces: one space follows `Bearer`, and none the token")
    try:
        return credential.parse(words[0], settings.TOKEN_PREFIX)
    except credential.MalformedToken as fault:
        raise denial.malformed_token(str(fault)) from None


@sensitive_variables()
def find(presented: Credential) -> Token:
    """The token that `presented` proves, with its owner. One query; nothing more is told before the proof."""
    try:
        token = Token.objects.select_related("owner").filter(identifier=presented.identifier).first()
    except Error:
        raise denial.unavailable() from None
    if token is None or not token.is_proven_by(presented.value):
        raise denial.unknown_token()
    return token


def admit(token: Token) -> None:
    """Refuse a proven token that may not be used now."""
    code = policy.check(token, timezone.now())
    if code is not None:
        raise denial.of_proven_token(code, expires_at=token.expires_at, revoked_at=token.revoked_at)
