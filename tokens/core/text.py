"""Make names that people chose safe to show in mails, calendars and terminals."""

import re
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta

# Marks that change the writing direction, and separators at which some programs break a line.
DIRECTION_MARKS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
LINE_SEPARATORS = "\u2028\u2029"
NOT_ONE_LINE = f"[\x00-\x1f\x7f-\x9f{DIRECTION_MARKS}{LINE_SEPARATORS}]"  # a regular expression

# Invisible characters, written as the inside of a character class: those that Unicode lists as
# Default_Ignorable, and the blank of Braille. BLANK_BEYOND has those above U+FFFF.
BLANK = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
)
BLANK_BEYOND = "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
NOTHING_VISIBLE = "Nothing in this can be seen. Write at least one letter, digit or sign."
VISIBLE = re.compile(rf"[^\s{NOT_ONE_LINE[1:-1]}{BLANK}{BLANK_BEYOND}]")


def is_visible(text: str) -> bool:
    """Return True if `text` has at least one visible character."""
    return bool(VISIBLE.search(text))


def one_line(text: str, limit: int = 100) -> str:
    """Return `text` in one line, without control characters and direction marks.

    Text over `limit` characters is cut and gets an ellipsis. Zero-width joiners stay, because
    emoji need them. Text without a visible character becomes "(no name)".
    """
    kept = (
        " " if unicodedata.category(c) in {"Cc", "Cs"} or c in LINE_SEPARATORS else c
        for c in text
        if c not in DIRECTION_MARKS
    )
    line = (" ".join("".join(kept).split()) if is_visible(text) else "") or "(no name)"
    return line if len(line) <= limit else line[: limit - 1] + "…"


def display_width(text: str) -> int:
    """Return about how many columns `text` takes on a terminal: exact enough to align a table."""
    return sum(
        0
        if unicodedata.category(c) in {"Mn", "Me", "Cf"}
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )


def format_table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table with aligned columns: a line for the head and for each row."""
    lines = [head, *rows]
    widths = [max(map(display_width, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell + " " * (width - display_width(cell))
            for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    )


def utc_time(at: datetime) -> str:
    """Return `at` as text in UTC, such as "24 November 2026 at 09:30:00 UTC"."""
    return f"{at:%-d %B %Y at %H:%M:%S} UTC"


class SecondTexts:
    """Turns many times into text quickly: times in the same second share the text of that second.

    `text_of` makes the text of a whole second. It is slow compared with the rest of a log line,
    so it is called only when another second begins.
    """

    def __init__(self, text_of: Callable[[datetime], str]) -> None:
        self._text_of = text_of
        self._second: tuple[datetime, datetime] | None = None
        self._text = ""

    def second(self, at: datetime) -> str:
        """Return the text of the whole second in which `at` is."""
        if self._second is None or not self._second[0] <= at < self._second[1]:
            begin = at.replace(microsecond=0)
            self._second = begin, begin + timedelta(seconds=1)
            self._text = self._text_of(begin)
        return self._text
