"""What a rate limit says: windows out of its notation, and headers and words out of their counts. Pure."""

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from limits import parse_many

ROUNDING = 1e-6  # seconds: what a difference of two instants may have too much
MOST = 999_999_999  # requests, or seconds (31 years): Redis and structured fields end not far above


class Window(NamedTuple):
    """A policy: at most `quota` requests in `seconds`."""

    quota: int
    seconds: int


class Count(NamedTuple):
    """How many requests a window has counted, and how long it still lasts."""

    used: int
    seconds_left: float


@lru_cache(maxsize=1024)
def names(label: str, windows: tuple[Window, ...]) -> list[str]:
    """What each window is called in headers: one alone bears the label, several their seconds too."""
    return [label] if len(windows) == 1 else [f"{label}-{window.seconds}" for window in windows]


@lru_cache(maxsize=1024)
def policy_header(label: str, windows: tuple[Window, ...]) -> str:
    """The RateLimit-Policy field."""
    named = zip(names(label, windows), windows, strict=True)
    return ", ".join(f'"{name}";q={quota};w={seconds}' for name, (quota, seconds) in named)


class Verdict(NamedTuple):
    """Whether a request is within its limits, and how much of them is left."""

    admitted: bool
    windows: tuple[Window, ...]
    counts: list[Count]
    label: str

    @property
    def left(self) -> list[tuple[int, int]]:
        """For each window, how many requests remain, and whole seconds, rounded up, until it is over."""
        return [
            (max(0, quota - used), max(1, math.ceil(seconds_left - ROUNDING)))
            for (quota, _), (used, seconds_left) in zip(self.windows, self.counts, strict=True)
        ]

    @property
    def violated(self) -> list[str]:
        """The names of the windows that have nothing left."""
        return [
            name
            for name, (remaining, _) in zip(names(self.label, self.windows), self.left, strict=True)
            if not remaining
        ]

    @property
    def retry_after(self) -> int:
        """Seconds after which the same request is admitted, if nothing else is counted meanwhile."""
        return max((reset for remaining, reset in self.left if not remaining), default=0)

    @property
    def words(self) -> str:
        """“10 requests in a minute”, for the windows that have nothing left."""
        return in_words(
            [window for window, (remaining, _) in zip(self.windows, self.left, strict=True) if not remaining]
        )

    def headers(self) -> dict[str, str]:
        """RateLimit fields (draft-ietf-httpapi-ratelimit-headers-10), and the older names for the tightest window."""
        left = self.left
        fields = [
            f'"{name}";r={remaining};t={reset}'
            for name, (remaining, reset) in zip(names(self.label, self.windows), left, strict=True)
        ]
        tightest = 0 if len(left) == 1 else min(range(len(left)), key=lambda place: (left[place][0], -left[place][1]))
        remaining, reset = left[tightest]
        return {
            "RateLimit-Policy": policy_header(self.label, self.windows),
            "RateLimit": ", ".join(fields),
            "X-RateLimit-Limit": str(self.windows[tightest].quota),
            "X-RateLimit-Remaining": str(remaining),
            "X-RateLimit-Reset": str(reset),
        }


@lru_cache(maxsize=1024)
def parse(notation: str) -> tuple[Window, ...]:
    """The windows of a limit such as `10/minute;1000/day` (the notation of `limits`), shortest first.

    Raises ValueError. Of several with the same length the smallest quota counts.
    """
    smallest: dict[int, int] = {}
    for item in parse_many(notation):
        seconds = item.get_expiry()
        if not 0 < item.amount <= MOST or not 0 < seconds <= MOST:
            raise ValueError(f"a limit admits 1 to {MOST} requests in as many seconds")
        smallest[seconds] = min(item.amount, smallest.get(seconds, item.amount))
    return tuple(Window(quota, seconds) for seconds, quota in sorted(smallest.items()))


def in_words(windows: Iterable[Window]) -> str:
    """“10 requests in a minute and 1000 requests in a day”."""
    return " and ".join(f"{quota} request{'s' if quota > 1 else ''} in {length(seconds)}" for quota, seconds in windows)


def length(seconds: int) -> str:
    """“2 hours”: the largest unit that counts `seconds` whole."""
    for unit, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % unit == 0:
            return f"{seconds // unit} {word}s" if seconds > unit else f"a{'n' if word == 'hour' else ''} {word}"
    return f"{seconds} seconds" if seconds > 1 else "a second"
