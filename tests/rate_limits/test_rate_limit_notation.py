"""The notation of rate limits.

Stored limits were written for the package `limits` 5.8, which could read the first table.
"""

import pytest

from tokens.rate_limits.limits import parse_rate_limit, parse_window

DAY = 86_400


@pytest.mark.parametrize(
    ("notation", "windows"),
    [
        ("1/second", [(1, 1)]),
        ("10/minute", [(10, 60)]),
        ("10/hour", [(10, 3600)]),
        ("10/day", [(10, DAY)]),
        ("10/month", [(10, 30 * DAY)]),
        ("10/year", [(10, 360 * DAY)]),
        # Plurals, case, multiples, and “per”
        ("10/minutes", [(10, 60)]),
        ("10/MINUTE", [(10, 60)]),
        ("10/Minutes", [(10, 60)]),
        ("10/2hours", [(10, 7200)]),
        ("10/2 hour", [(10, 7200)]),
        ("10 per minute", [(10, 60)]),
        ("10 per 2 hours", [(10, 7200)]),
        ("10 PER 2 Hours", [(10, 7200)]),
        ("10per2hours", [(10, 7200)]),
        ("10perminute", [(10, 60)]),
        # Spaces and zeros
        ("10 / 2 hours", [(10, 7200)]),
        ("10/ 15 minute", [(10, 900)]),
        ("  10/minute  ", [(10, 60)]),
        ("10/minute\n", [(10, 60)]),
        ("10\tper\u00a0minute", [(10, 60)]),
        ("007/day", [(7, DAY)]),
        ("5/0minutes", [(5, 60)]),
        # Several
        ("1/second;100/hour", [(1, 1), (100, 3600)]),
        ("1/second; 100/hour", [(1, 1), (100, 3600)]),
        ("1/second,100/hour", [(1, 1), (100, 3600)]),
        ("1/second|100/hour", [(1, 1), (100, 3600)]),
        (
            "1000/month ; 1/second|5 per 2 minutes,100/day",
            [(1, 1), (5, 120), (100, DAY), (1000, 30 * DAY)],
        ),
        ("1/second;1/second", [(1, 1)]),
        ("90/60seconds;10/minute", [(10, 60)]),
    ],
)
def test_every_form(notation: str, windows: list[tuple[int, int]]) -> None:
    assert parse_rate_limit(notation) == tuple(windows)


@pytest.mark.parametrize(
    ("notation", "wrong"),
    [
        ("", "A limit is missing."),
        ("10/minute;", "A limit is missing."),
        (";10/minute", "A limit is missing."),
        ("10/minute;;5/hour", "A limit is missing."),
        ("10", "“10” is no limit."),
        ("10/", "“10/” is no limit."),
        ("/minute", "“/minute” is no limit."),
        ("10//minute", "“10//minute” is no limit."),
        ("10 minute", "“10 minute” is no limit."),
        ("ten/minute", "“ten/minute” is no limit."),
        ("-1/minute", "“-1/minute” is no limit."),
        ("+1/minute", "“+1/minute” is no limit."),
        ("1.5/minute", "“1.5/minute” is no limit."),
        ("1e3/hour", "“1e3/hour” is no limit."),
        ("1_000/hour", "“1_000/hour” is no limit."),
        ("١/hour", "“١/hour” is no limit."),
        ("10/minute 5/hour", "“10/minute 5/hour” is no limit."),
        ("10/minute:5/hour", "“10/minute:5/hour” is no limit."),
        ("1/second; 10/-1 hours", "“10/-1 hours” is no limit."),
        ("10/min", "“min” is no unit of a limit."),
        ("10/week", "“week” is no unit of a limit."),
        ("10/minutess", "“minutess” is no unit of a limit."),
        ("10/ſecond", "“ſecond” is no unit of a limit."),
        ("1/second;0/minute", "“0/minute” is out of range"),
        ("1000000000/hour", "“1000000000/hour” is out of range"),
        ("1/40 years", "“1/40 years” is out of range"),
    ],
)
def test_an_error_says_what_is_wrong_and_what_would_be_right(notation: str, wrong: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011
        parse_rate_limit(notation)
    words = str(raised.value)
    assert words.startswith(wrong)
    assert "10/minute" in words or "requests in as many seconds" in words


def test_a_long_notation_is_refused_before_it_is_read() -> None:
    with pytest.raises(ValueError, match="in at most 200 characters"):
        parse_rate_limit("1/" + " " * 8000 + "!")


def test_one_window() -> None:
    assert parse_window("10 per 2 hours") == (10, 7200)
