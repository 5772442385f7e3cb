"""Names that people chose, as one harmless line for mails, calendars and terminals. Pure."""

import re
import unicodedata

# Marks that turn the direction of what follows, and the separators that some programs break a line at.
TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
BREAKING = "\u2028\u2029"
NOT_ONE_LINE = f"[\x00-\x1f\x7f-\x9f{TURNING}{BREAKING}]"  # a regular expression

# What nobody sees: the code points that Unicode lists as Default_Ignorable, of which these are beyond the first plane,
# and the blank of Braille. The insides of character classes.
BLANK = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
)
BLANK_BEYOND = "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
INVISIBLE = "Nothing in this can be seen. Write at least one letter, digit or sign."
VISIBLE = re.compile(rf"[^\s{NOT_ONE_LINE[1:-1]}{BLANK}{BLANK_BEYOND}]")


def is_visible(text: str) -> bool:
    """Return whether anything of `text` can be seen."""
    return bool(VISIBLE.search(text))


def one_line(text: str, most: int = 100) -> str:
    """`text` without line breaks, control characters and direction marks; cut to `most` characters, with an ellipsis.

    What makes an emoji out of several stays.
    """
    kept = (" " if unicodedata.category(c) in {"Cc", "Cs"} or c in BREAKING else c for c in text if c not in TURNING)
    line = (" ".join("".join(kept).split()) if is_visible(text) else "") or "(no name)"
    return line if len(line) <= most else line[: most - 1] + "…"


def width(text: str) -> int:
    """How many columns of a terminal `text` takes, near enough to keep a table straight."""
    return sum(
        0 if unicodedata.category(c) in {"Mn", "Me", "Cf"} else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def table(head: list[str], rows: list[list[str]]) -> str:
    """Aligned columns under a head, each row a line."""
    lines = [head, *rows]
    widths = [max(width(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell + " " * (space - width(cell)) for cell, space in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
