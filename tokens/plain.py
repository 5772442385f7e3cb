"""Names that people chose, as one harmless line for mails, calendars and terminals. Pure."""

import unicodedata

# Marks that turn the direction of what follows, and the separators that some programs break a line at.
TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
BREAKING = "\u2028\u2029"
NOT_ONE_LINE = f"[\x00-\x1f\x7f-\x9f{TURNING}{BREAKING}]"  # a regular expression


def one_line(text: str, most: int = 100) -> str:
    """`text` without line breaks, control characters and direction marks; cut to `most` characters, with an ellipsis.

    What makes an emoji out of several stays.
    """
    kept = (" " if unicodedata.category(c) in {"Cc", "Cs"} or c in BREAKING else c for c in text if c not in TURNING)
    line = " ".join("".join(kept).split()) or "(no name)"
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
