"""Writes events or tokens as lines of a file: CSV (RFC 4180) or JSON Lines, both in UTF-8.

CSV is for spreadsheets, JSON Lines for programs. This module does not use the database.
"""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain

from django.http import StreamingHttpResponse
from django.utils import timezone

ExportRow = Mapping[str, str]
FORMULA_SIGNS = tuple("=+-@＝＋－＠")  # a cell that begins with one of these is a formula
INVISIBLE_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Characters that spreadsheets ignore before a formula: spaces of all kinds, quotes and joiners.
SKIPPED_START = r"^[\s'\"\u200c\u200d]+"
JOINERS = "\u200c\u200d"  # invisible, but emoji and several scripts need them


def show_invisible(text: str) -> str:
    """Return `text` with each invisible character replaced by its code, such as <U+202E>.

    This includes control characters, and characters that change the direction of writing. They
    could hide what a name really is.
    """
    if text.isprintable():  # nearly always, and much faster than a look at each character
        return text
    return "".join(
        f"<U+{ord(letter):04X}>"
        if unicodedata.category(letter) in INVISIBLE_CATEGORIES and letter not in JOINERS
        else letter
        for letter in text
    )


def safe_cell(text: str) -> str:
    """Return `text` so that a spreadsheet shows it and never calculates it as a formula.

    A text that looks like a formula gets an apostrophe before it, because a formula in a name
    could send data from the spreadsheet to somebody.
    """
    shown = show_invisible(text)
    is_formula = re.sub(SKIPPED_START, "", shown).startswith(FORMULA_SIGNS)
    return f"'{shown}" if is_formula else shown


def as_csv(columns: Iterable[str], rows: Iterable[ExportRow]) -> Iterator[str]:
    """Yield the lines of a CSV file: the names of the columns, then a line for each row.

    All cells are quoted, and lines end with CR LF. The file begins with a byte order mark, because
    Excel would otherwise read the file as Latin-1.
    """
    buffer = io.StringIO("\ufeff")
    buffer.seek(1)
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    columns = list(columns)
    for line in chain([columns], ([row[column] for column in columns] for row in rows)):
        writer.writerow(map(safe_cell, line))
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def as_json_lines(columns: Iterable[str], rows: Iterable[ExportRow]) -> Iterator[str]:
    """Yield the lines of a JSON Lines file: a JSON object for each row.

    Characters outside ASCII are escaped. So no control character can change a terminal that shows
    the file, and a program that reads the JSON still gets the exact text.
    """
    columns = list(columns)
    for row in rows:
        yield json.dumps({column: row[column] for column in columns}) + "\n"


# The function that writes a file, and the content type, by the ending of the file's name.
FORMATS = {
    "csv": (as_csv, "text/csv; charset=utf-8; header=present"),
    "jsonl": (as_json_lines, "application/jsonl; charset=utf-8"),
}


def as_download(
    name: str, form: str, columns: Iterable[str], rows: Iterable[ExportRow]
) -> StreamingHttpResponse:
    """Return the answer with a file that the browser saves. It is sent while `rows` are read.

    The file's name has the day and the ending `form`, which is a key of FORMATS.
    """
    write, content_type = FORMATS[form]
    file_name = f"{name}-{timezone.localdate():%Y-%m-%d}.{form}"
    headers = {
        "Content-Disposition": f'attachment; filename="{file_name}"',
        "X-Content-Type-Options": "nosniff",
    }
    content = write(columns, rows)
    return StreamingHttpResponse(content, content_type=content_type, headers=headers)


def exact_time(at: datetime | None) -> str:
    """Return `at` in UTC with microseconds, such as "2026-11-24T09:30:00.000000Z"; "" for None."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}" if at else ""
