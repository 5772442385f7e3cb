"""Parse rate limits, and show their counts in headers and words. Nothing is counted here."""

import math
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

ROUNDING = 1e-6  # seconds; a computed difference of two times may be too large by so much
# The maximum of requests, and of seconds (31 years). Redis and headers can't hold much more.
MAX_AMOUNT = 999_999_999
# Characters. WINDOW_FORM is slow for a long text: its time grows with the square of the blanks.
MAX_NOTATION_LENGTH = 200
SEPARATOR = re.compile("[,;|]")
WINDOW_FORM = re.compile(r"\s*([0-9]+)\s*(?:/|per)\s*([0-9]*)\s*([a-z]+)\s*", re.IGNORECASE)
UNIT_SECONDS = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86_400,
    "month": 30 * 86_400,
    "year": 360 * 86_400,
}


class Window(NamedTuple):
    """A rate limit: at most `quota` requests in `seconds`."""

    quota: int
    seconds: int


class WindowCount(NamedTuple):
    """The number of requests that a window has counted, and the seconds until the window ends."""

    used: int
    seconds_left: float


# True if the request is admitted, the windows of the rate limit, and the count of each window.
HitResult = tuple[bool, tuple[Window, ...], list[WindowCount]]


def peek_result(windows: tuple[Window, ...], counts: list[WindowCount]) -> HitResult:
    """Return whether a request would be admitted now, the windows, and their counts.

    No request is counted. `counts` has the present count of each window.
    """
    admitted = all(used < quota for (used, _), (quota, _) in zip(counts, windows, strict=True))
    return admitted, windows, counts


def counts_at(
    now: float, ends: list[WindowCount], windows: tuple[Window, ...]
) -> list[WindowCount]:
    """Return the count of each window at the time `now`. A window that has ended counts 0.

    `ends` has the last known counts, but `seconds_left` is the time at which the window ends, on
    the same clock as `now`.
    """
    return [
        WindowCount(used, end - now) if end > now else WindowCount(0, seconds)
        for (used, end), (_, seconds) in zip(ends, windows, strict=True)
    ]


@lru_cache(maxsize=1024)
def header_names(label: str, windows: tuple[Window, ...]) -> list[str]:
    """Return the name of each window in the RateLimit headers: `label`, such as "token".

    If there are several windows, add the length in seconds: "token-60" and "token-3600".
    """
    return [label] if len(windows) == 1 else [f"{label}-{window.seconds}" for window in windows]


@lru_cache(maxsize=1024)
def policy_header(label: str, windows: tuple[Window, ...]) -> str:
    """Return the value of the header RateLimit-Policy, such as `"token";q=1000;w=3600`."""
    named = zip(header_names(label, windows), windows, strict=True)
    return ", ".join(f'"{name}";q={quota};w={seconds}' for name, (quota, seconds) in named)


def remaining_in_window(quota: int, used: int, seconds_left: float) -> tuple[int, int]:
    """Return how many requests a window still admits, and the seconds to its end, rounded up."""
    return max(0, quota - used), max(1, math.ceil(seconds_left - ROUNDING))


class RateLimitResult(NamedTuple):
    """The result of counting a request: whether it is admitted, and the count of each window.

    `label` is the name of the rate limit in headers, such as "token".
    """

    admitted: bool
    windows: tuple[Window, ...]
    counts: list[WindowCount]
    label: str

    @property
    def remaining(self) -> list[tuple[int, int]]:
        """Return for each window how many requests it still admits, and the seconds until its end.

        The seconds are rounded up.
        """
        return [
            remaining_in_window(quota, used, seconds_left)
            for (quota, _), (used, seconds_left) in zip(self.windows, self.counts, strict=True)
        ]

    @property
    def full_window_names(self) -> list[str]:
        """Return the names, as in the headers, of the windows that admit no more requests."""
        names = header_names(self.label, self.windows)
        pairs = zip(names, self.remaining, strict=True)
        return [name for name, (requests, _) in pairs if not requests]

    @property
    def retry_after(self) -> int:
        """Return the seconds until a new request can be admitted, or 0 if no window is full."""
        return max((seconds for requests, seconds in self.remaining if not requests), default=0)

    @property
    def reached_limits(self) -> str:
        """Return the limits that are reached in words, such as “10 requests in a minute”."""
        pairs = zip(self.windows, self.remaining, strict=True)
        return limit_in_words(window for window, (requests, _) in pairs if not requests)

    def headers(self) -> dict[str, str]:
        """Return the headers that tell clients their limits and how many requests are left.

        RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10) show all windows.
        The older X-RateLimit headers show only the window with the fewest requests left. If there
        are several such windows, they show the window that ends last.
        """
        names = header_names(self.label, self.windows)
        fields = []
        fewest, longest, limit = MAX_AMOUNT, 0, 0
        for name, (quota, _), (used, seconds_left) in zip(
            names, self.windows, self.counts, strict=True
        ):
            requests, seconds = remaining_in_window(quota, used, seconds_left)
            fields.append(f'"{name}";r={requests};t={seconds}')
            if requests < fewest or (requests == fewest and seconds > longest):
                fewest, longest, limit = requests, seconds, quota
        return {
            "RateLimit-Policy": policy_header(self.label, self.windows),
            "RateLimit": ", ".join(fields),
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(fewest),
            "X-RateLimit-Reset": str(longest),
        }


@lru_cache(maxsize=1024)
def parse_rate_limit(notation: str) -> tuple[Window, ...]:
    """Return the windows of a rate limit such as `10/minute;1000/day`, the shortest first.

    `10 per 2 hours` is a limit too. Several limits are separated by `;`, `,` or `|`. A month has
    30 days, and a year has 12 such months. If two windows have the same length, the smaller quota
    is used. Raise ValueError if the text is no rate limit. Its message says how to write one.
    """
    if len(notation) > MAX_NOTATION_LENGTH:
        raise ValueError(f"Write a limit in at most {MAX_NOTATION_LENGTH} characters.")
    smallest: dict[int, int] = {}
    for text in SEPARATOR.split(notation):
        quota, seconds = parse_window(text)
        smallest[seconds] = min(quota, smallest.get(seconds, quota))
    return tuple(Window(quota, seconds) for seconds, quota in sorted(smallest.items()))


def parse_window(text: str) -> Window:
    """Return the window of one limit, such as `10/minute`.

    Raise ValueError if the text is no limit. Its message says how to write one.
    """
    match = WINDOW_FORM.fullmatch(text)
    if not match:
        wrong = f"“{text.strip()}” is no limit" if text.strip() else "A limit is missing"
        raise ValueError(f"{wrong}. Write it as 10/minute, or several as 10/second;1000/hour.")
    quota, count, word = match.groups()
    unit = UNIT_SECONDS.get(word.lower()) or UNIT_SECONDS.get(word.lower().removesuffix("s"))
    if unit is None:
        raise ValueError(
            f"“{word}” is no unit of a limit. Write {', '.join(UNIT_SECONDS)}, as in 10/minute."
        )
    # “0 minutes” means one minute, as in earlier versions: stored limits may have this text.
    window = Window(int(quota), unit * (int(count or 1) or 1))
    if not 0 < window.quota <= MAX_AMOUNT or window.seconds > MAX_AMOUNT:
        raise ValueError(
            f"“{text.strip()}” is out of range: "
            f"a limit admits 1 to {MAX_AMOUNT} requests in as many seconds."
        )
    return window


def limit_in_words(windows: Iterable[Window]) -> str:
    """Return a text such as “10 requests in a minute and 1000 requests in a day”."""
    return " and ".join(
        f"{quota} request{'s' if quota > 1 else ''} in {duration_in_words(seconds)}"
        for quota, seconds in windows
    )


def duration_in_words(seconds: int) -> str:
    """Return a text such as “2 hours”, “a minute” or “90 seconds”.

    Use the largest unit that gives a whole number.
    """
    for unit, word in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % unit == 0:
            if seconds == unit:
                return f"a{'n' if word == 'hour' else ''} {word}"
            return f"{seconds // unit} {word}s"
    return f"{seconds} seconds" if seconds > 1 else "a second"
