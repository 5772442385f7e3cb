"""Writes events of the audit log as lines of a file: CSV (RFC 4180) or JSON Lines, both in UTF-8.

CSV is for spreadsheets, JSON Lines for programs. This module does not use the database.
"""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

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
