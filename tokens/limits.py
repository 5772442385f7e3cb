"""How often: so many requests in a window, for each token, and so many failed ones for each address.

A window begins with the first request counted in it, lasts its whole length and admits its quota, never more. Time
is this process's monotonic clock, or Redis's own: no wall clock moves it.
"""

import math
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from tokens.addresses import neighbourhood
from tokens.breaker import Breaker
from tokens.quota import Count, Verdict, Window, parse

WAIT_SECONDS = 0.3  # for Redis
SWEEP_AT = 1024
NOTHING = (0, -math.inf)
PREFIX = "tokenry"  # of each key in Redis

Hit = tuple[bool, tuple[Window, ...], list[Count]]  # admitted, and what was counted where


class Counters(Protocol):
    def hit(self, key: str, windows: tuple[Window, ...]) -> Hit:
        """Count one request in all `windows` of `key`, unless one is full; then count it in none."""

    def peek(self, key: str, windows: tuple[Window, ...]) -> Hit:
        """What a hit would meet now; nothing is counted."""


class MemoryCounters:
    """For one process with any number of threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, int], tuple[int, float]] = {}  # by key and seconds: used, and when it ends
        self._sweep_at = SWEEP_AT

    def hit(self, key: str, windows: tuple[Window, ...]) -> Hit:
        with self._lock:
            now = self._clock()
            admitted = True
            counts = []
            for quota, seconds in windows:
                used, end = self._counts.get((key, seconds), NOTHING)
                if end <= now:
                    used, end = 0, now + seconds
                admitted = admitted and used < quota
                counts.append((used, end))
            if admitted:
                counts = [(used + 1, end) for used, end in counts]
                for (_, seconds), count in zip(windows, counts, strict=True):
                    self._counts[key, seconds] = count
                if len(self._counts) >= self._sweep_at:
                    self._sweep(now)
        return admitted, windows, [Count(used, end - now) for used, end in counts]

    def peek(self, key: str, windows: tuple[Window, ...]) -> Hit:
        with self._lock:
            ends = [Count(*self._counts.get((key, seconds), NOTHING)) for _, seconds in windows]
        return as_seen(windows, remaining(ends, windows, self._clock()))

    def _sweep(self, now: float) -> None:
        """Forget windows that are over; again when as many have come as stay now."""
        self._counts = {key: count for key, count in self._counts.items() if count[1] > now}
        self._sweep_at = max(SWEEP_AT, 2 * len(self._counts))


class RedisCounters:
    """For any number of processes and nodes: one round trip for all windows of a request."""

    SCRIPT = """
    local admitted, answer = 1, {}
    for i, key in ipairs(KEYS) do
      if tonumber(redis.call('GET', key) or 0) >= tonumber(ARGV[2 * i - 1]) then admitted = 0 end
    end
    for i, key in ipairs(KEYS) do
      if admitted == 1 then
        redis.call('SET', key, 0, 'PX', ARGV[2 * i], 'NX')
        redis.call('INCR', key)
      end
      answer[2 * i - 1] = tonumber(redis.call('GET', key) or 0)
      answer[2 * i] = redis.call('PTTL', key)
      if answer[2 * i] < 0 or answer[2 * i] > tonumber(ARGV[2 * i]) then
        redis.call('PEXPIRE', key, ARGV[2 * i])
        answer[2 * i] = ARGV[2 * i] - 1
      end
    end
    return {admitted, unpack(answer)}
    """

    def __init__(self, url: str) -> None:
        self._pool = redis.ConnectionPool.from_url(
            url, socket_timeout=WAIT_SECONDS, socket_connect_timeout=WAIT_SECONDS, retry=Retry(NoBackoff(), 0)
        )
        self._local = threading.local()
        self._full: dict[tuple[str, tuple[Window, ...]], list[Count]] = {}  # with the instants at which they end
        self._breaker = Breaker(redis.RedisError, outage=(redis.ConnectionError, redis.TimeoutError), wait=WAIT_SECONDS)

    def hit(self, key: str, windows: tuple[Window, ...]) -> Hit:
        """What Redis found full stays refused here until its window ends, so that a flood does not reach Redis."""
        if ends := self._full.get((key, windows)):
            counts = remaining(ends, windows, time.monotonic())
            if any(used >= quota for (used, _), (quota, _) in zip(counts, windows, strict=True)):
                return False, windows, counts
        admitted, counts = self._count(key, windows)
        if not admitted:
            if len(self._full) >= SWEEP_AT:
                self._full.clear()
            now = time.monotonic()
            self._full[key, windows] = [Count(used, now + left) for used, left in counts]
        return admitted, windows, counts

    def peek(self, key: str, windows: tuple[Window, ...]) -> Hit:
        with self._breaker:
            found = [(self._ask("GET", name), self._ask("PTTL", name)) for name in names(key, windows)]
        counts = [
            Count(int(used), left / 1000) if used and left > 0 else Count(0, seconds)
            for (used, left), (_, seconds) in zip(found, windows, strict=True)
        ]
        return as_seen(windows, counts)

    def _count(self, key: str, windows: tuple[Window, ...]) -> tuple[bool, list[Count]]:
        keys = names(key, windows)
        numbers = [number for quota, seconds in windows for number in (quota, 1000 * seconds)]
        with self._breaker:
            admitted, *answer = self._ask("EVAL", self.SCRIPT, len(keys), *keys, *numbers)
        # A key lives on in the millisecond in which it expires.
        left = [min(1000 * seconds, 1 + left) / 1000 for left, (_, seconds) in zip(answer[1::2], windows, strict=True)]
        return bool(admitted), [Count(*count) for count in zip(answer[::2], left, strict=True)]

    def _ask(self, *command: str | int) -> Any:
        """Redis's answer, on this thread's own connection: a third of what a client's pool costs."""
        try:
            return self._exchange(*command)
        except (redis.ConnectionError, redis.ReadOnlyError):  # it ended while idle, or leads to a replica now
            return self._exchange(*command)

    def _exchange(self, *command: str | int) -> Any:
        if not hasattr(self._local, "connection"):
            self._local.connection = self._pool.make_connection()
        try:
            self._local.connection.send_command(*command)
            return self._local.connection.read_response()
        except redis.RedisError:
            self._local.connection.disconnect()
            raise


def names(key: str, windows: tuple[Window, ...]) -> list[str]:
    """What Redis calls the counts of `key`."""
    return [f"{PREFIX}:{{{key}}}:{window.seconds}" for window in windows]


def as_seen(windows: tuple[Window, ...], counts: list[Count]) -> Hit:
    """A hit's answer where nothing was counted."""
    return all(used < quota for (used, _), (quota, _) in zip(counts, windows, strict=True)), windows, counts


def remaining(ends: list[Count], windows: tuple[Window, ...], now: float) -> list[Count]:
    """What is left at `now` of counts that end at an instant; those that ended count from the beginning."""
    return [
        Count(used, end - now) if end > now else Count(0, seconds)
        for (used, end), (_, seconds) in zip(ends, windows, strict=True)
    ]


made: dict[str, Counters] = {}  # none, or the only ones


def counters() -> Counters:
    """Return the installation's counters: shared through REDIS_URL, else of this process."""
    # Several threads may get here before any counters are made. `setdefault`, which is atomic, gives all of them the
    # same: counters of its own would admit a whole quota for each thread.
    if not made:
        made.setdefault("counters", RedisCounters(settings.REDIS_URL) if settings.REDIS_URL else MemoryCounters())
    return made["counters"]


def hit_token(key: str, rate_limit: str) -> Verdict:
    """Count a request with the token of this `limit_key`. Raises breaker.Down where the counters do not answer."""
    windows = parse(rate_limit or settings.TOKEN_RATE_LIMIT)
    return Verdict(*counters().hit(key, windows), "token")


def peek_token(key: str, rate_limit: str) -> Verdict:
    """What a request with the token of this `limit_key` would meet; nothing is counted. Raises breaker.Down."""
    return Verdict(*counters().peek(key, parse(rate_limit or settings.TOKEN_RATE_LIMIT)), "token")


def hit_failure(address: str) -> Verdict:
    """Count a failed authentication from `address` ("" for all that are unknown together). Raises breaker.Down."""
    windows = parse(settings.FAILED_AUTH_LIMIT)
    return Verdict(*counters().hit(failures_of(address), windows), "failed-authentication")


def peek_failure(address: str) -> Verdict:
    """What a failed authentication from `address` would meet; nothing is counted. Raises breaker.Down."""
    windows = parse(settings.FAILED_AUTH_LIMIT)
    return Verdict(*counters().peek(failures_of(address), windows), "failed-authentication")


def failures_of(address: str) -> str:
    """The key under which failures from `address` are counted."""
    return f"failed {neighbourhood(address)}"
