"""Find an imported token by its old value, with two queries at most.

The first query finds the identifier by the keys under which the value may be stored. The rest is
done as for any other token, so that leases, changes and limits hold in the same way.
"""

from threading import BoundedSemaphore

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.views.decorators.debug import sensitive_variables

from tokens.authentication.imported_values import (
    MAX_VALUE_LENGTH,
    ImportedCredential,
    possible_keys,
)
from tokens.authentication.lookup import find_token, proven, read_rows
from tokens.core import redaction
from tokens.core.circuit_breaker import ServiceUnavailable
from tokens.core.slow_hashing import Busy, one_at_a_time
from tokens.models import ImportedToken, Token
from tokens.token_settings import token_settings

# Shorter than the wait of a sign-in, because anybody who knows the public beginning of a value can
# send requests that need a slow hash, and each of them keeps a thread.
SLOW_HASH_WAIT_SECONDS = 0.5
# So many requests may compute a slow hash, or wait for the thread. Others get 503 at once: more
# would take all threads of the server, and the turns of those who sign in.
slow_hash_places = BoundedSemaphore(2)


@sensitive_variables()
def find_imported_token(presented: ImportedCredential) -> Token | None:
    """Return the imported token that a client has presented, with its owner, or None.

    The token may be expired or revoked. Raise ServiceUnavailable if the database does not answer,
    or if too many slow hashes are being computed.
    """
    keys = possible_keys(presented.value)
    found = ImportedToken.objects.filter(key__in=keys).order_by("key")
    for identifier, slow_hash in read_rows(found.values_list("token__identifier", "slow_hash")):
        if slow_hash and not matches_slow_hash(presented.value, slow_hash):
            continue
        token = find_token(identifier)
        # Without a digest, the key alone is the proof: the client knows a value with this hash.
        if token and (not token.digest or proven(token, presented.value)):
            return token
    return None


@sensitive_variables()
def matches_slow_hash(value: str, slow_hash: str) -> bool:
    """Return True if `slow_hash` is the PBKDF2 hash of `value`, in the form of Django's hashers.

    Raise ServiceUnavailable if there are too many slow hashes, or if they take too long. Sign-ins
    use the same thread.
    """
    if not slow_hash_places.acquire(blocking=False):
        raise ServiceUnavailable
    try:
        return one_at_a_time(
            PBKDF2PasswordHasher().verify, value, slow_hash, wait=SLOW_HASH_WAIT_SECONDS
        )
    except Busy:
        raise ServiceUnavailable from None
    finally:
        slow_hash_places.release()


@sensitive_variables()
def find_if_accepted(value: str) -> Token | None:
    """Return the imported token with this value, or None.

    Also return None if LEGACY_SCHEMES and LEGACY_HEADERS name no place for imported tokens, so
    that other values cost no query. Raise ServiceUnavailable as `find_imported_token` does.
    """
    has_place = token_settings.LEGACY_SCHEMES or token_settings.LEGACY_HEADERS
    # A form may have characters that no header has. PostgreSQL refuses NUL.
    is_possible = len(value) <= MAX_VALUE_LENGTH and value.isascii() and value.isprintable()
    if not has_place or not is_possible:
        return None
    redaction.hide(value)
    return find_imported_token(ImportedCredential(value))
