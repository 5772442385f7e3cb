"""The checks of what the provider signs: ID tokens and logout tokens. Everything here is pure.

Names are those of OpenID Connect Core 1.0 (section 3.1.3.7) and OpenID Connect Back-Channel Logout
1.0 (section 2.6).
"""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

import jwt

Keys = Callable[[str | None], Sequence[Mapping[str, Any]]]  # the public keys with that `kid`

# The accepted algorithms, and the kind of key (`kty`) that each needs. None of them verifies with
# a shared secret, and "none" is missing: otherwise a public key could be taken for a secret.
KEY_KINDS = {
    "RS256": "RSA", "RS384": "RSA", "RS512": "RSA", "PS256": "RSA", "PS384": "RSA",
    "PS512": "RSA", "ES256": "EC", "ES384": "EC", "ES512": "EC", "EdDSA": "OKP",
}  # fmt: skip
LEEWAY_SECONDS = 60  # because clocks differ
MAX_SIGNED_AGE = 600  # seconds; django-allauth forgets a sign-in that it began after this time
MAX_TIME = 1e11  # seconds since 1970
MAX_SIGNED_LENGTH = 65_536
MAX_SUBJECT_LENGTH = 191  # of django-allauth's column
MAX_LINE = 500  # characters of other names
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class UntrustedToken(Exception):
    """The token is not accepted. The message says why, and quotes nothing of the token."""


def check_id_token(
    token: object, keys: Keys, *, issuer: str, client_id: str, nonce: str, now: float
) -> dict[str, Any]:
    """Return the claims of an ID token that the provider has just issued for this sign-in."""
    claims = signed_claims(token, keys, issuer=issuer, client_id=client_id, now=now)
    if not nonce or claims.get("nonce") != nonce:
        raise UntrustedToken("its nonce is not that of this sign-in")
    subject = claims.get("sub")
    if not is_line(subject, MAX_SUBJECT_LENGTH):
        raise UntrustedToken("its subject is missing or too long")
    at = claims.get("auth_time")
    if at is not None and (not is_time(at) or at > now + LEEWAY_SECONDS):
        raise UntrustedToken("its auth_time is no time in the past")
    return claims


def session_there(claims: Mapping[str, Any]) -> str:
    """Return the name of the person's session at the provider (`sid`), or "" if it has none."""
    sid = claims.get("sid")
    return str(sid) if is_line(sid, MAX_LINE) else ""


def check_logout_token(
    token: object, keys: Keys, *, issuer: str, client_id: str, now: float
) -> dict[str, Any]:
    """Return the claims of a logout token, which the provider sends when somebody signs out."""
    claims = signed_claims(token, keys, issuer=issuer, client_id=client_id, now=now)
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise UntrustedToken("its events name no logout")
    if "nonce" in claims:
        raise UntrustedToken("it has a nonce, as ID tokens have")
    if not is_line(claims.get("jti"), MAX_LINE):
        raise UntrustedToken("its jti is missing or too long")
    named = [claims[name] for name in ("sub", "sid") if name in claims]
    if not named or not all(is_line(value, MAX_LINE) for value in named):
        raise UntrustedToken("it names neither a subject nor a session")
    return claims


def was_just_authenticated(claims: Mapping[str, Any], since: float) -> bool:
    """Return True if the provider says that the person authenticated at `since` or later."""
    at: Any = claims.get("auth_time")
    return is_time(at) and bool(at >= since - LEEWAY_SECONDS)


def is_line(value: object, length: int) -> bool:
    """Return True if `value` is a text of at most `length` characters that can be stored."""
    return isinstance(value, str) and 0 < len(value) <= length and value.isprintable()


def is_time(value: object) -> bool:
    """Return True if `value` is a number of seconds since 1970, as times in tokens are."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return 0 <= value < MAX_TIME and isfinite(value)


def signed_claims(
    token: object, keys: Keys, *, issuer: str, client_id: str, now: float
) -> dict[str, Any]:
    """Return the claims of a token that the issuer signed a moment ago for this client."""
    if not isinstance(token, str) or len(token) > MAX_SIGNED_LENGTH:
        raise UntrustedToken("it is missing or too long")
    try:
        key, algorithm = signing_key(jwt.get_unverified_header(token), keys)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=issuer,
            audience=client_id,
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "aud", "exp", "iat"]},
        )
    except jwt.PyJWTError as error:
        raise UntrustedToken(type(error).__name__) from None
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else client_id) != client_id:
        raise UntrustedToken("it is authorized for another client (azp)")
    if not is_time(claims["iat"]) or claims["iat"] < now - MAX_SIGNED_AGE:
        raise UntrustedToken("it was issued too long ago")
    return claims


def signing_key(header: Mapping[str, Any], keys: Keys) -> tuple[jwt.PyJWK, str]:
    """Return the public key that the header names, and the algorithm.

    The header may leave the name (`kid`) out if only one key fits.
    """
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in KEY_KINDS:
        raise UntrustedToken("its algorithm is not accepted")
    if kid is not None and not isinstance(kid, str):
        raise UntrustedToken("its kid is no text")
    fitting = [
        key
        for key in keys(kid)
        if key.get("kty") == KEY_KINDS[algorithm]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
    ]
    if len(fitting) != 1:
        raise UntrustedToken("no single key of the provider fits")
    return jwt.PyJWK(dict(fitting[0]), algorithm), algorithm
