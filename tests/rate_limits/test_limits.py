"""Rate limits in notation, headers and words."""

from typing import Any

import http_sf
import pytest

from tokens.rate_limits.limits import (
    RateLimitResult,
    Window,
    WindowCount,
    limit_in_words,
    parse_rate_limit,
)

MINUTE, HOUR = Window(10, 60), Window(1000, 3600)


@pytest.mark.parametrize(
    ("notation", "windows"),
    [
        ("10/minute", [(10, 60)]),
        ("1000/hour", [(1000, 3600)]),
        ("1/day", [(1, 86400)]),
        ("10 per minute", [(10, 60)]),
        ("10 PER 2 hours", [(10, 7200)]),
        ("5/2minute", [(5, 120)]),
        ("10/second;1000/hour", [(10, 1), (1000, 3600)]),
        ("1000/hour;10/second", [(10, 1), (1000, 3600)]),
        ("20/minute;10/minute", [(10, 60)]),
        ("10/minute;20/minute", [(10, 60)]),
        ("10/minute;90/60second", [(10, 60)]),
        ("999999999/hour", [(999_999_999, 3600)]),
    ],
)
def test_notation(notation: str, windows: list[tuple[int, int]]) -> None:
    assert parse_rate_limit(notation) == tuple(windows)


@pytest.mark.parametrize(
    "notation",
    [
        "",
        " ",
        "10",
        "ten/minute",
        "10/fortnight",
        "0/minute",
        "10/minute;0/hour",
        "-1/minute",
        "1.5/minute",
        "10/minute;",
        "1000000000/hour",
        "1/40years",
        "1/999999999999999years",
    ],
)
def test_what_is_no_limit(notation: str) -> None:
    with pytest.raises(ValueError, match="limit"):
        parse_rate_limit(notation)


def structured(field: str) -> Any:
    """Return the members of a list (RFC 9651) and their parameters. Raise for another field."""
    return http_sf.parse(field.encode(), tltype="list")


def one(used: int, seconds_left: float, *, admitted: bool = True) -> RateLimitResult:
    return RateLimitResult(admitted, (MINUTE,), [WindowCount(used, seconds_left)], "token")


@pytest.mark.parametrize(
    ("used", "seconds_left", "left"),
    [
        (1, 60, (9, 60)),
        (1, 59.001, (9, 60)),
        (1, 59, (9, 59)),
        (1, (1995.8 + 60) - 1995.8, (9, 60)),
        (10, 0.2, (0, 1)),
        (10, 0, (0, 1)),
        (25, 30, (0, 30)),
    ],
)
def test_left_is_never_negative_and_rounds_up(
    used: int, seconds_left: float, left: tuple[int, int]
) -> None:
    assert one(used, seconds_left).remaining == [left]


def test_one_window() -> None:
    result = one(3, 41.5)
    assert result.headers() == {
        "RateLimit-Policy": '"token";q=10;w=60',
        "RateLimit": '"token";r=7;t=42',
        "X-RateLimit-Limit": "10",
        "X-RateLimit-Remaining": "7",
        "X-RateLimit-Reset": "42",
    }
    assert (result.full_window_names, result.retry_after, result.reached_limits) == ([], 0, "")


def test_one_window_that_is_full() -> None:
    result = one(10, 41.5, admitted=False)
    assert (result.full_window_names, result.retry_after) == (["token"], 42)
    assert result.reached_limits == "10 requests in a minute"
    assert result.headers()["RateLimit"] == '"token";r=0;t=42'


@pytest.mark.parametrize(
    ("counts", "tightest", "violated", "retry_after"),
    [
        ([(4, 30), (4, 1800)], ("10", "6", "30"), [], 0),
        ([(1, 30), (996, 1800)], ("1000", "4", "1800"), [], 0),
        ([(10, 30), (11, 1800)], ("10", "0", "30"), ["token-60"], 30),
        ([(3, 30), (1000, 1800)], ("1000", "0", "1800"), ["token-3600"], 1800),
        ([(10, 30), (1000, 1800)], ("1000", "0", "1800"), ["token-60", "token-3600"], 1800),
        ([(10, 30), (1000, 12)], ("10", "0", "30"), ["token-60", "token-3600"], 30),
    ],
)
def test_several_windows(
    counts: list[tuple[int, float]],
    tightest: tuple[str, str, str],
    violated: list[str],
    retry_after: int,
) -> None:
    result = RateLimitResult(
        not violated, (MINUTE, HOUR), [WindowCount(*count) for count in counts], "token"
    )
    headers = result.headers()
    assert headers["RateLimit-Policy"] == '"token-60";q=10;w=60, "token-3600";q=1000;w=3600'
    assert (
        tuple(headers[f"X-RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset"))
        == tightest
    )
    assert (result.full_window_names, result.retry_after) == (violated, retry_after)


@pytest.mark.parametrize(
    "windows", [(MINUTE,), (MINUTE, HOUR), parse_rate_limit("999999999/second;999999999/day")]
)
def test_the_fields_are_structured(windows: tuple[Window, ...]) -> None:
    """Both fields have each window under the same name (draft-ietf-httpapi-ratelimit-headers)."""
    counts = [WindowCount(1, window.seconds - 0.5) for window in windows]
    headers = RateLimitResult(True, windows, counts, "token").headers()
    policies = structured(headers["RateLimit-Policy"])
    limits = structured(headers["RateLimit"])
    assert [parameters for _, parameters in policies] == [
        {"q": quota, "w": seconds} for quota, seconds in windows
    ]
    assert [parameters for _, parameters in limits] == [
        {"r": quota - 1, "t": seconds} for quota, seconds in windows
    ]
    names = [name for name, _ in policies]
    assert names == [name for name, _ in limits]
    assert {type(name) for name in names} == {str}  # strings: tokens are of another type
    assert len(set(names)) == len(windows)


@pytest.mark.parametrize(
    ("notation", "words"),
    [
        ("1/second", "1 request in a second"),
        ("2/5second", "2 requests in 5 seconds"),
        ("1/minute", "1 request in a minute"),
        ("90/90second", "90 requests in 90 seconds"),
        ("10/120second", "10 requests in 2 minutes"),
        ("10/hour", "10 requests in an hour"),
        ("10/36hour", "10 requests in 36 hours"),
        ("10/day", "10 requests in a day"),
        ("3/7day", "3 requests in 7 days"),
        ("1/second;2/hour", "1 request in a second and 2 requests in an hour"),
    ],
)
def test_words(notation: str, words: str) -> None:
    windows = parse_rate_limit(notation)
    full = RateLimitResult(
        False, windows, [WindowCount(quota, 1) for quota, _ in windows], "token"
    )
    assert full.reached_limits == words


@pytest.mark.parametrize(
    ("notation", "words"),
    [
        ("1000/hour", "1000 requests in an hour"),
        ("1/2 minutes", "1 request in 2 minutes"),
        ("1000/day;10/second", "10 requests in a second and 1000 requests in a day"),
    ],
)
def test_windows_in_words(notation: str, words: str) -> None:
    assert limit_in_words(parse_rate_limit(notation)) == words
