"""Reader of the file .env, which contains environment variables as lines NAME=value."""

import os
import re
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

ASSIGNMENT = re.compile(r"(?:export[ \t]+)?([A-Z_][A-Z0-9_]*)[ \t]*=[ \t]*(.*)")
SETTING_NAME = re.compile(r"(?:export[ \t]+)?([A-Z_][A-Z0-9_]*)[ \t]*[=:]")
DOUBLE_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
SINGLE_QUOTED = re.compile(r"'([^']*)'")
# A NUL means that the file is UTF-16. The others are Python's marks for bytes that are no UTF-8.
NOT_UTF8 = re.compile("[\x00\udc80-\udcff]")
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")


def load_file(path: Path) -> None:
    """Add the variables of the file at `path` to os.environ, except those that exist already.

    Raise ImproperlyConfigured if the file can't be read, or is missing although ENV_FILE names it.
    The message has the line's number and the variable's name, but never a value.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except FileNotFoundError:
        if path == Path(os.environ.get("ENV_FILE", "")):
            raise ImproperlyConfigured(
                f"ENV_FILE is {str(path)!r}; it takes the path of a file that exists."
            ) from None
        return
    except OSError as error:
        raise ImproperlyConfigured(f"{path} can't be read: {error.strerror}.") from None
    try:
        settings = parse_settings(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"{path}, {error}") from None
    for name, value in settings.items():
        os.environ.setdefault(name, value)


def parse_settings(text: str) -> dict[str, str]:
    """Return the value of each variable in `text`, the content of a file .env.

    A line is NAME=value, empty, or a comment that begins with `#`. `export` may stand before the
    name, and quotes and blanks around the value; they are removed. Raise ValueError for any other
    line, and for a name that appears twice. The message never quotes a value.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(map(str.strip, text.split("\n")), 1):
        try:
            if setting := parse_line(line):
                add_variable(found, *setting)
        except ValueError as error:
            named = SETTING_NAME.match(line)
            where = f"line {number} ({named[1]})" if named else f"line {number}"
            raise ValueError(f"{where}: {error}") from None
    return found


def add_variable(found: dict[str, str], name: str, value: str) -> None:
    """Add a variable to `found`. Raise ValueError if `found` has the name already."""
    if name in found:
        raise ValueError("an earlier line sets it already; keep one of them.")
    found[name] = value


def parse_line(line: str) -> tuple[str, str] | None:
    """Return the name and the value in `line`, or None if `line` is empty or a comment.

    Raise ValueError if `line` is something else.
    """
    if NOT_UTF8.search(line):
        raise ValueError("the file is not UTF-8 text; save it as UTF-8.")
    if not line or line.startswith("#"):
        return None
    if not (match := ASSIGNMENT.fullmatch(line)):
        raise ValueError(
            "this is neither NAME=value, with the name in capitals, nor a comment, which begins "
            "with #."
        )
    return match[1], unquote_value(match[2])


def unquote_value(text: str) -> str:
    """Return the value without quotes and backslashes. `text` is everything after the `=`.

    Raise ValueError if a quote is not closed, or if quotes are missing around a `#`.
    """
    if CONTROL_CHARACTER.search(text):
        raise ValueError("the value has a tab or another control character in it.")
    if text.startswith('"'):
        if not (match := DOUBLE_QUOTED.fullmatch(text)):
            raise ValueError(
                'the value must end with its closing "; '
                r'inside, " is written \" and \ is written \\.'
            )
        return re.sub(r"\\(.)", r"\1", match[1])
    if text.startswith("'"):
        if not (match := SINGLE_QUOTED.fullmatch(text)):
            raise ValueError("the value must end with its closing ', and have no ' inside.")
        return match[1]
    if re.search(r"(?:^|\s)#", text):
        raise ValueError(
            "a comment needs its own line; a value with # at its beginning or after a blank needs "
            "quotes."
        )
    return text
