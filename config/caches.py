"""Settings of Django's cache, which holds counts of attempts, for example of sign-ins."""

from typing import Any

from redis.backoff import NoBackoff
from redis.exceptions import ReadOnlyError
from redis.retry import Retry

from tokens.core.redis_servers import pool_class


def cache_settings(redis_url: str) -> dict[str, Any]:
    """Return Django's settings for the cache: in Redis, or in this process without a URL."""
    if not redis_url:
        # The maximum is large, because an attacker could fill a small cache. Then Django would
        # remove counts of attempts.
        backend = "django.core.cache.backends.locmem.LocMemCache"
        return {"BACKEND": backend, "OPTIONS": {"MAX_ENTRIES": 100_000}}
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": [redis_url],  # a list, because Django splits a text at commas
        "KEY_PREFIX": "tokenry",
        "OPTIONS": {
            "pool_class": pool_class(redis_url),
            "socket_timeout": 0.5,
            "socket_connect_timeout": 0.5,
            # After a fail-over this server may refuse writes. Then open a new connection, and send
            # the command again.
            "retry": Retry(NoBackoff(), 1, supported_errors=(ReadOnlyError,)),
        },
    }
