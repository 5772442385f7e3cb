"""Django's cache: it holds counts of tries, of sign-ins for example."""

from typing import Any

from redis.backoff import NoBackoff
from redis.exceptions import ReadOnlyError
from redis.retry import Retry


def default(redis_url: str) -> dict[str, Any]:
    """Return Django's settings for a cache on the Redis at `redis_url`, or in this process where that is empty."""
    if not redis_url:
        # Where few entries fit, an attacker washes the counts of tries out.
        backend = "django.core.cache.backends.locmem.LocMemCache"
        return {"BACKEND": backend, "OPTIONS": {"MAX_ENTRIES": 100_000}}
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": [redis_url],  # Django takes a comma in text for the end of an address
        "KEY_PREFIX": "tokenry",
        "OPTIONS": {
            "socket_timeout": 0.5,
            "socket_connect_timeout": 0.5,
            # A connection to a server that a fail-over made a replica is dropped, and the command sent once more.
            "retry": Retry(NoBackoff(), 1, supported_errors=(ReadOnlyError,)),
        },
    }
