"""The file .env: settings as lines of NAME=value."""

import os
import re
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

ASSIGNMENT = re.compile(r"(?:export[ \t]+)?([A-Z_][A-Z0-9_]*)[ \t]*=[ \t]*(.*)")
NAMED = re.compile(r"(?:export[ \t]+)?([A-Z_][A-Z0-9_]*)[ \t]*[=:]")
DOUBLE_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
SINGLE_QUOTED = re.compile(r"'([^']*)'")
NOT_UTF8 = re.compile("[\x00\udc80-\udcff]")  # NUL: UTF-16; the others: bytes that UTF-8 does not have
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def load(path: Path) -> None:
    """Put the settings in the file at `path` into the environment. What is there already stays, and wins.

    Raises ImproperlyConfigured, with the line and the name but never a value, where the file can't be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except FileNotFoundError:
        return
    except OSError as error:
        raise ImproperlyConfigured(f"{path} can't be read: {error.strerror}.") from None
    try:
        settings = parse(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"{path}, {error}") from None
    for name, value in settings.items():
        os.environ.setdefault(name, value)


def parse(text: str) -> dict[str, str]:
    """Return the value of each name in `text`. Raises ValueError for a line that can't be read, without its value.

    Lines are NAME=value, empty, or comments that begin with `#`. Blanks round the name and the value, `export`
    before the name and quotes round the value are no part of them. A name stands once.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(map(str.strip, text.split("\n")), 1):
        try:
            if setting := assignment(line):
                add(found, *setting)
        except ValueError as error:
            named = NAMED.match(line)
            where = f"line {number} ({named[1]})" if named else f"line {number}"
            raise ValueError(f"{where}: {error}") from None
    return found


def add(found: dict[str, str], name: str, value: str) -> None:
    """Refuse a second value: nobody can tell which one was meant."""
    if name in found:
        raise ValueError("an earlier line sets it already; keep one of them.")
    found[name] = value


def assignment(line: str) -> tuple[str, str] | None:
    """Return the name and the value in `line`, or None where it is empty or a comment."""
    if NOT_UTF8.search(line):
        raise ValueError("the file is not UTF-8 text; save it as UTF-8.")
    if not line or line.startswith("#"):
        return None
    if not (match := ASSIGNMENT.fullmatch(line)):
        raise ValueError("this is neither NAME=value, with the name in capitals, nor a comment, which begins with #.")
    return match[1], unquoted(match[2])


def unquoted(text: str) -> str:
    """Return the value that `text`, all that stands behind the `=`, is written for."""
    if CONTROL.search(text):
        raise ValueError("the value has a tab or another control character in it.")
    if text.startswith('"'):
        if not (match := DOUBLE_QUOTED.fullmatch(text)):
            raise ValueError(r'the value is to end with its closing "; inside, " is written \" and \ is written \\.')
        return re.sub(r"\\(.)", r"\1", match[1])
    if text.startswith("'"):
        if not (match := SINGLE_QUOTED.fullmatch(text)):
            raise ValueError("the value is to end with its closing ', and to have none inside.")
        return match[1]
    if re.search(r"(?:^|\s)#", text):
        raise ValueError("a comment stands on a line of its own; a value with # after a blank stands in quotes.")
    return text
