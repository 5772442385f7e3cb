"""PURE. Events as lines of a file: CSV (RFC 4180) for spreadsheets, JSON Lines for programs; both UTF-8."""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

Row = Mapping[str, str]
FORMULA = tuple("=+-@＝＋－＠")  # a spreadsheet calculates what begins with one of these
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
LEADING = r"^[\s'\"\u200c\u200d]+"  # spaces of any kind, quotes and joiners, which spreadsheets pass over
JOINERS = "\u200c\u200d"  # emoji and several scripts need them


def visible(text: str) -> str:
    """`text` with every control, direction and other character that nobody sees as its name, such as <U+202E>."""
    return "".join(
        f"<U+{ord(letter):04X}>" if unicodedata.category(letter) in INVISIBLE and letter not in JOINERS else letter
        for letter in text
    )


def cell(text: str) -> str:
    """`text` that no spreadsheet takes for a formula: one is kept as text by an apostrophe before it."""
    shown = visible(text)
    return f"'{shown}" if re.sub(LEADING, "", shown).startswith(FORMULA) else shown


def as_csv(columns: Iterable[str], rows: Iterable[Row]) -> Iterator[str]:
    """A line of names, then one for each row; all quoted, with CR LF at the end.

    It begins with a byte order mark: without one Excel takes the file for Latin-1.
    """
    buffer = io.StringIO("\ufeff")
    buffer.seek(1)
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    columns = list(columns)
    for line in chain([columns], ([row[column] for column in columns] for row in rows)):
        writer.writerow(map(cell, line))
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def as_json_lines(columns: Iterable[str], rows: Iterable[Row]) -> Iterator[str]:
    """An object for each row. What is not ASCII is escaped, so that nothing moves a terminal, and nothing is lost."""
    columns = list(columns)
    for row in rows:
        yield json.dumps({column: row[column] for column in columns}) + "\n"
