"""Count requests against rate limits: of each token, and failures of each client's IP address.

A rate limit has windows, such as 10 requests in a minute. A window begins with the first request
that it counts, always has the same length, and never admits more requests than its quota. The time
is from the process's monotonic clock or from Redis, so it does not matter if somebody changes the
time of this machine.
"""

from typing import Protocol

from tokens.core.networks import client_network
from tokens.rate_limits.limits import HitResult, RateLimitResult, Window, parse_rate_limit
from tokens.rate_limits.memory import MemoryCounters
from tokens.rate_limits.quota_leases import QUOTA_LEASE_SECONDS
from tokens.rate_limits.redis_counters import RedisCounters
from tokens.token_settings import token_settings

CONFIRMATION_LIMIT = "5/5minutes;20/hour"
INVITATION_LIMIT = "50/hour"  # of each person, to all teams together: each may send a mail


class Counters(Protocol):
    """The counts of requests for all rate limits, in Redis or in the memory of this process."""

    def hit(self, key: str, windows: tuple[Window, ...], *, may_lease: bool = False) -> HitResult:
        """Count one request. Return whether it is admitted, the windows, and their counts.

        `key` says whose request it is, such as the identifier of a token. The request is counted
        in all `windows`, or in none if one of them is full. If `may_lease` is True, the
        process may count several requests in advance, so that it can admit the next requests
        without asking Redis (quota_leases.py). Raise ServiceUnavailable if Redis does not answer.
        """

    def peek(self, key: str, windows: tuple[Window, ...]) -> HitResult:
        """Return what `hit` would return now, but count nothing."""

    def probe(self) -> None:
        """Check that requests can be counted. Raise redis.RedisError if Redis can't count."""

    def return_unspent(self, idle_seconds: float) -> None:
        """Give requests that were counted in advance, but not used, back to the rate limits.

        Only those that were counted `idle_seconds` ago or earlier are given back.
        """


# The counters that all threads of this process use, under the key "counters". At first empty.
shared_counters: dict[str, Counters] = {}


def get_counters() -> Counters:
    """Return the object that counts requests: in Redis with REDIS_URL, else in this process."""
    # NOTE: Several threads may get here at the same time, before counters exist. `setdefault` is
    # atomic, so all threads get the same object. If each thread had its own counters, each would
    # admit a whole quota.
    if not shared_counters:
        url = token_settings.REDIS_URL
        shared_counters.setdefault("counters", RedisCounters(url) if url else MemoryCounters())
    return shared_counters["counters"]


def hit_token(key: str, rate_limit: str) -> RateLimitResult:
    """Count a request of a token. Return whether it is admitted, and the counts of its limit.

    `key` is the identifier under which the token's requests are counted. `rate_limit` is the
    token's limit, such as "10/minute", or "" for TOKEN_RATE_LIMIT. Raise ServiceUnavailable if
    Redis does not answer.
    """
    windows = parse_rate_limit(rate_limit or token_settings.RATE_LIMIT)
    result = get_counters().hit(key, windows, may_lease=token_settings.LEASES)
    return RateLimitResult(*result, "token")


def peek_token(key: str, rate_limit: str) -> RateLimitResult:
    """Return what `hit_token` would return, but count nothing.

    Requests that other processes have counted in advance (quota_leases.py) are counted too. Raise
    ServiceUnavailable if Redis does not answer.
    """
    windows = parse_rate_limit(rate_limit or token_settings.RATE_LIMIT)
    return RateLimitResult(*get_counters().peek(key, windows), "token")


def hit_introspection(key: str) -> RateLimitResult | None:
    """Count an introspection by a token. Return None if INTROSPECTION_LIMIT is not set.

    Otherwise return whether the limit admits the introspection, and the counts. `key` is the
    identifier under which the calling token's requests are counted. Raise ServiceUnavailable if
    Redis does not answer.
    """
    if not token_settings.INTROSPECTION_LIMIT:
        return None
    windows = parse_rate_limit(token_settings.INTROSPECTION_LIMIT)
    result = get_counters().hit(f"introspection {key}", windows, may_lease=token_settings.LEASES)
    return RateLimitResult(*result, "introspection")


def hit_failure(address: str) -> RateLimitResult:
    """Count a failed authentication. Return whether FAILED_AUTH_LIMIT admits it, and the counts.

    `address` is the client's IP address, or "" if it is unknown. Raise ServiceUnavailable if Redis
    does not answer.
    """
    windows = parse_rate_limit(token_settings.FAILED_AUTH_LIMIT)
    result = get_counters().hit(failure_key(address), windows)
    return RateLimitResult(*result, "failed-authentication")


def peek_failure(address: str) -> RateLimitResult:
    """Return what `hit_failure` would return, but count nothing.

    Raise ServiceUnavailable if Redis does not answer.
    """
    windows = parse_rate_limit(token_settings.FAILED_AUTH_LIMIT)
    result = get_counters().peek(failure_key(address), windows)
    return RateLimitResult(*result, "failed-authentication")


def hit_confirmation(person: str) -> RateLimitResult:
    """Count an attempt of a person to confirm with the password (CONFIRMATION_LIMIT).

    Raise ServiceUnavailable if Redis does not answer.
    """
    windows = parse_rate_limit(CONFIRMATION_LIMIT)
    return RateLimitResult(*get_counters().hit(f"confirm {person}", windows), "confirmation")


def hit_invitation(person: str) -> RateLimitResult:
    """Count an invitation to a team that a person sends (INVITATION_LIMIT).

    Raise ServiceUnavailable if Redis does not answer.
    """
    windows = parse_rate_limit(INVITATION_LIMIT)
    return RateLimitResult(*get_counters().hit(f"invite {person}", windows), "invitations")


def failure_key(address: str) -> str:
    """Return the key under which failures from this IP address are counted.

    All addresses of one client's IPv6 network have the same key.
    """
    return f"failed {client_network(address)}"


def return_unspent_quota(idle_seconds: float = QUOTA_LEASE_SECONDS) -> None:
    """Give requests that this process counted in advance, but did not use, back to Redis.

    Only requests that were counted `idle_seconds` ago or earlier are given back. If Redis does not
    answer, raise no error: then these requests count as used until their window ends.
    """
    for counters in shared_counters.values():
        counters.return_unspent(idle_seconds)
