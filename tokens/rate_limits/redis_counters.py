"""Counts for rate limits in Redis, which several processes and machines share."""

import os
import threading
from typing import Any, NamedTuple
from weakref import WeakSet

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError

from tokens.core.boot_clock import seconds_since_boot
from tokens.core.circuit_breaker import CircuitBreaker, ServiceUnavailable
from tokens.core.redis_servers import SentinelPool, pool_class
from tokens.rate_limits.limits import HitResult, Window, WindowCount, counts_at, peek_result
from tokens.rate_limits.quota_leases import (
    LeaseKey,
    QuotaLease,
    QuotaLeases,
    TakeResult,
    UnspentRequests,
)
from tokens.rate_limits.redis_scripts import (
    command_frame,
    count_frame,
    parse_take_result,
    redis_keys,
    return_frame,
)

REDIS_WAIT_SECONDS = 0.3
# If a window is full, ask Redis again after this time. Redis may have lost its data, or another
# process may have returned requests that it did not use.
RECHECK_SECONDS = 0.5
MAX_FULL_WINDOWS = 1024
PROBE_WINDOW = Window(1_000_000, 60)


class FullWindows(NamedTuple):
    """The counts of a rate limit that is reached, so that requests are refused without Redis."""

    # Here `seconds_left` is the time at which the window ends, from `seconds_since_boot`.
    counts: list[WindowCount]
    recheck_at: float  # the time of the next question to Redis


class RedisCounters:
    """The counts of all rate limits, in Redis. To count a request takes one message to Redis.

    It takes none if the process has a quota lease: requests that were counted in advance.
    """

    def __init__(self, url: str) -> None:
        self._pool = pool_class(url).from_url(
            url,
            socket_timeout=REDIS_WAIT_SECONDS,
            socket_connect_timeout=REDIS_WAIT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        outages = (redis.ConnectionError, redis.TimeoutError)
        self._breaker = CircuitBreaker(
            redis.RedisError, outages, REDIS_WAIT_SECONDS, service="redis"
        )
        self.begin_anew()
        redis_counters.add(self)

    def begin_anew(self) -> None:
        """Forget all connections, leases and full windows, as a forked process must do.

        The parent process still uses them. If two processes used the same lease (requests that
        were counted in advance), a limit would admit too many requests.
        """
        self._local = threading.local()
        self._full: dict[LeaseKey, FullWindows] = {}
        self._leases = QuotaLeases()

    # NOTE: After Redis has found a window full, this process refuses requests until the window
    # ends, without asking Redis. So Redis is not busy with a client that sends too many requests.
    # But every RECHECK_SECONDS one request asks Redis: if Redis has lost its data, all processes
    # must count from 0 again.
    def hit(self, key: str, windows: tuple[Window, ...], *, may_lease: bool = False) -> HitResult:
        now = seconds_since_boot()
        lease_key = key, windows
        if may_lease and (leased := self._leases.spend(lease_key, now)):
            return True, windows, leased
        if full := self._full.get(lease_key):
            counts = counts_at(now, full.counts, windows)
            if not peek_result(windows, counts)[0]:
                if now < full.recheck_at:
                    return False, windows, counts
                # Set this before the question, so that other threads do not ask too.
                self._full[lease_key] = full._replace(recheck_at=now + RECHECK_SECONDS)
                try:
                    return self._hit_redis(lease_key, may_lease=may_lease)
                except ServiceUnavailable:
                    return False, windows, counts
        return self._hit_redis(lease_key, may_lease=may_lease)

    def _hit_redis(self, lease_key: LeaseKey, *, may_lease: bool) -> HitResult:
        """Count one request in Redis, and with `may_lease` perhaps some more in advance.

        Return whether the request is admitted, the windows, and their counts.
        """
        if not may_lease:
            return self._take(lease_key, 1, may_lease=False)
        wanted = self._leases.begin_take(lease_key, seconds_since_boot())
        if wanted == 1:
            return self._take(lease_key, 1, may_lease=True)
        if not wanted:
            self._leases.wait_for_take(lease_key, REDIS_WAIT_SECONDS)
            if leased := self._leases.spend(lease_key, seconds_since_boot()):
                return True, lease_key[1], leased
            return self._take(lease_key, 1, may_lease=True)
        try:
            return self._take(lease_key, wanted, may_lease=True)
        finally:
            self._leases.end_take(lease_key)

    def _take(self, lease_key: LeaseKey, wanted: int, *, may_lease: bool) -> HitResult:
        """Let Redis count up to `wanted` requests, and admit one of them.

        Return whether it is admitted, the windows, and their counts. If a window is full, remember
        this. With `may_lease`, keep the other requests as a lease, to admit them later.
        """
        key, windows = lease_key
        sent = seconds_since_boot()
        with self._breaker:
            taken = self._count(key, windows, wanted)
        received = seconds_since_boot()
        if not taken.requests:
            if len(self._full) >= MAX_FULL_WINDOWS:
                self._full.clear()
            ends = [WindowCount(used, received + left) for used, left in taken.counts]
            self._full[lease_key] = FullWindows(ends, received + RECHECK_SECONDS)
            return False, windows, taken.counts
        if self._full:
            self._full.pop(lease_key, None)
        counts = taken.counts
        if may_lease:
            lease = QuotaLease.from_answer(windows, taken, sent, received)
            if lease.unspent:
                counts = lease.counts(received)  # before another thread spends
            self._leases.add(lease_key, lease)
        return True, windows, counts

    def peek(self, key: str, windows: tuple[Window, ...]) -> HitResult:
        with self._breaker:
            found = [
                [self._send(command_frame(command, name)) for command in ("GET", "PTTL")]
                for name in redis_keys(key, windows)
            ]
        counts = [
            WindowCount(int(used), left / 1000) if used and left > 0 else WindowCount(0, seconds)
            for (used, left), (_, seconds) in zip(found, windows, strict=True)
        ]
        return peek_result(windows, counts)

    def probe(self) -> None:
        """Check that Redis can count, with a key that is only for this check.

        Do not use the circuit breaker, which fails without asking Redis. A probe must always ask.
        """
        self._count("probe", (PROBE_WINDOW,), 1)

    def return_unspent(self, idle_seconds: float) -> None:
        """Give requests that were counted in advance, but not used, back to Redis.

        Then other processes can admit them. Only requests that were counted `idle_seconds` ago or
        earlier are given back.

        NOTE: There is no second attempt after an error. If Redis took the same requests back
        twice, a limit would admit too many. Requests that are not given back count as used until
        their window ends.
        """
        if self._breaker.is_open:
            return
        try:
            for unspent in self._leases.remove_unspent(seconds_since_boot(), idle_seconds):
                self._return(unspent)
        except redis.RedisError:
            return  # clients' requests notice and log that Redis does not answer

    def _count(self, key: str, windows: tuple[Window, ...], wanted: int) -> TakeResult:
        """Let Redis count up to `wanted` requests, and return its answer.

        Raise redis.RedisError if Redis does not answer. Then it may have counted the requests.
        """
        try:
            answer = self._send(count_frame("EVALSHA", key, windows, wanted))
        except NoScriptError:  # Redis does not know the script, for example after a restart
            answer = self._send(count_frame("EVAL", key, windows, wanted))
        return parse_take_result(answer, windows)

    def _return(self, unspent: UnspentRequests) -> None:
        """Give requests that were not used back to Redis. Raise redis.RedisError if it fails."""
        try:
            self._send_once(return_frame("EVALSHA", unspent))
        except NoScriptError:  # Redis does not know the script, so nothing was given back yet
            self._send_once(return_frame("EVAL", unspent))

    def _send(self, frame: bytes) -> Any:
        """Send a command (bytes) to Redis, and return the answer. After an error, try once more.

        The server may have closed a connection that was not used, or may have become a replica.
        """
        try:
            return self._send_once(frame)
        except MasterNotFoundError:
            raise  # to ask all Sentinels again would double the time
        except (redis.ConnectionError, redis.ReadOnlyError):
            return self._send_once(frame)

    def _send_once(self, frame: bytes) -> Any:
        """Send a command (bytes) to Redis on this thread's own connection. Return the answer.

        redis-py's pool of connections would take three times as long.
        """
        if not hasattr(self._local, "connection"):
            self._local.connection = self._pool.make_connection()
        connection = self._local.connection
        try:
            if isinstance(self._pool, SentinelPool):
                self._pool.connect(connection)
            connection.send_packed_command([frame])
            return connection.read_response()
        except redis.RedisError:
            connection.disconnect()
            raise


redis_counters: WeakSet[RedisCounters] = WeakSet()  # all objects of this process


def begin_anew_in_child() -> None:
    """In a forked process, forget the connections and leases that the parent still uses."""
    for counters in redis_counters:
        counters.begin_anew()


os.register_at_fork(after_in_child=begin_anew_in_child)
