"""THE PIPELINE: how the Authorization header of a request becomes a user. Read it from top to bottom."""

import re
from base64 import b64decode
from time import perf_counter

from django.conf import settings
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from tokens import credential, denial, limits, lookup, policy
from tokens.breaker import Down
from tokens.call import Call
from tokens.credential import IDENTIFIER_LENGTH, Credential
from tokens.denial import Denial
from tokens.models import Digest, Scope, Token
from tokens.policy import Requirement
from tokens.quota import Verdict
from tokens.usage import recorder


def authenticate(request: HttpRequest, requirement: Requirement) -> None:
    """Sign the owner of the request's token in, as `request.user`, or raise denial.Denial.

    `request.token` and `request.limits` are there as soon as they are known, so that a refusal that comes after
    can tell its client how much is left; `request.call` says the same to the record.
    """
    call: Call = request.call  # type: ignore[attr-defined]  # the middleware made it
    call.scopes = requirement.scopes
    try:
        token = identify(request, call, basic=requirement.basic)
        request.limits = verdict = hit_limit(token, call)  # type: ignore[attr-defined]
        if not verdict.admitted:
            raise denial.rate_limited(f"This token may make {verdict.words}.", verdict.retry_after, verdict.violated)
        authorize(token, requirement, call.address)
    except Down:
        raise denial.unavailable() from None
    except Denial as refused:
        if requirement.basic and refused.status == 401:
            refused.challenge += ', Basic realm="api"'
        raise
    request.user = token.owner


def identify(request: HttpRequest, call: Call, *, basic: bool) -> Token:
    """The token that the request presents and proves. Failures count against the address."""
    try:
        presented = read_credential(request, basic)
        request.token = call.token = token = prove(presented, call)  # type: ignore[attr-defined]
        if code := policy.usable(token, call.at):
            raise denial.of_proven_token(code, token.expires_at, token.revoked_at, token.renewed_at)
    except Denial as refused:
        raise throttled(refused, call.address) from None
    if token.has_older_digest:
        recorder.upgrade(token, Digest.of(presented.value))
    return token


def hit_limit(token: Token, call: Call) -> Verdict:
    """Count the request against the token's limit."""
    began = perf_counter()
    verdict = limits.hit_token(token.limit_key, token.rate_limit)
    call.limiter = perf_counter() - began
    return verdict


@sensitive_variables()
def read_credential(request: HttpRequest, basic: bool) -> Credential:
    """The credential in the Authorization header (RFC 6750 section 2.1), and nowhere else; its form is checked."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if not header.isascii() or not header.isprintable():
        raise denial.malformed_header("characters that are not printable ASCII")
    if "," in header and re.search(r"bearer|^basic ", header, re.IGNORECASE):  # servers join repeated headers by one
        raise denial.malformed_header("more than one value: send it once, without commas")
    scheme, _, text = header.partition(" ")
    if basic and scheme.lower() == "basic":
        text = password(text)
    elif scheme.lower() != "bearer":
        raise denial.missing_credentials(scheme=scheme, basic=basic)
    if not text.strip():
        raise denial.malformed_header("`Bearer` with no token after it")
    if " " in text:
        if text.lstrip().startswith(credential.NOT_FILLED_IN):
            raise denial.malformed_header("the name of a variable or a placeholder: send what it stands for")
        raise denial.malformed_header("extra spaces: one space follows `Bearer`, and none the token")
    try:
        return credential.parse(text, settings.TOKEN_PREFIX)
    except credential.MalformedToken as fault:
        raise denial.malformed_token(str(fault), fault.action) from None


@sensitive_variables()
def password(text: str) -> str:
    """The token in Basic credentials (RFC 7617), whose user name is its identifier."""
    try:
        user, _, value = b64decode(text, validate=True).decode("ascii").partition(":")
    except ValueError:
        raise denial.malformed_header("Basic credentials that are not Base64 of ASCII text") from None
    if user != value[:IDENTIFIER_LENGTH]:
        fault = f"not that of the user name, which is to be its first {IDENTIFIER_LENGTH} characters"
        raise denial.malformed_token(fault, "Send the token as the password, and its beginning as the user.")
    return value


def prove(presented: Credential, call: Call) -> Token:
    """The token that `presented` proves, with its owner. One query; nothing more is told before the proof."""
    began = perf_counter()
    token = lookup.find(presented.identifier)
    call.database = perf_counter() - began
    if token is None or not token.is_proven_by(presented.value):
        raise denial.unknown_token()
    return token


def throttled(refused: Denial, address: str) -> Denial:
    """`refused`, or that `address` failed too often. Only failures are counted, and only failures meet the limit."""
    if refused.code == "missing_credentials":  # nothing was tried
        return refused
    verdict = limits.hit_failure(address)
    if verdict.admitted:
        return refused
    words = f"Authentication from this address failed more often than {verdict.words}. A good token is still admitted."
    return denial.rate_limited(words, verdict.retry_after, verdict.violated)


def authorize(token: Token, requirement: Requirement, address: str) -> None:
    """Refuse a token that signs its owner in but may not do this, here, from there."""
    held = held_scopes(token) if requirement.scopes else []
    environment = requirement.environment or settings.TOKEN_ENVIRONMENT
    match policy.allows(token, held, requirement.scopes, environment, address):
        case "insufficient_scope":
            raise denial.insufficient_scope(requirement.scopes, held, token.scopes)
        case "wrong_environment":
            raise denial.wrong_environment(token.environment, environment)
        case "address_not_allowed":
            raise denial.address_not_allowed(address)


def held_scopes(token: Token) -> list[str]:
    """Those of its scopes that count now, in alphabetical order; a query only where one has a group, or was deleted."""
    if not token.asks_catalogue:
        return token.scopes
    with lookup.breaker:
        held = Scope.objects.held_by(token.owner).filter(name__in=token.scopes)
        return sorted(held.values_list("name", flat=True))


def require(request: HttpRequest, requirement: Requirement) -> None:
    """Refuse a request whose token is proven where it lacks what only the view knew to ask for."""
    call: Call = request.call  # type: ignore[attr-defined]  # the middleware made it
    call.scopes = requirement.scopes
    try:
        authorize(request.token, requirement, call.address)  # type: ignore[attr-defined]
    except Down:
        raise denial.unavailable() from None
