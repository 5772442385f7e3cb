"""The last net: whatever looks like a token is masked in logs and error reports, wherever it came from."""

import logging
import re

from django.utils.safestring import SafeString, mark_safe
from django.views.debug import ExceptionReporter

from tokens.credential import BULLET, ENVIRONMENTS, IDENTIFIER_LENGTH, TOKEN_LENGTH

START = rf"(?=[a-z0-9]{{2,6}}_(?:{'|'.join(ENVIRONMENTS)})_)"
SECRET = TOKEN_LENGTH - IDENTIFIER_LENGTH
# What looks like a token: an identifier and more, so that one cut short by a debugger's line limit is masked too. Where
# that is less than a token, one strange character may have broken it: then the rest of the path's segment or the word
# goes too. Broken before its secret, only the length and the mix of characters tell a token from an ordinary word.
TOKEN = re.compile(
    rf"""{START}(\w{{{IDENTIFIER_LENGTH}}})(?:\w{{{SECRET},}}|\w+(?:.[^\s"<>/]*\w)?)"""
    rf"|(?<![0-9A-Za-z])(?=[a-z0-9]*[A-Z])(?=[A-Z0-9]*[a-z])(?=[A-Za-z]*[0-9])[0-9A-Za-z]{{{SECRET - 1},}}",
    re.ASCII,
)
HINT = re.compile(rf"_(?:{'|'.join(ENVIRONMENTS)})_")  # these two are found much faster; without them there is no token
UNBROKEN = re.compile(rf"[0-9A-Za-z]{{{SECRET - 1}}}")


def without_secrets(text: str) -> str:
    """`text` with every token cut to its identifier."""
    return TOKEN.sub(r"\1", text)


def redact(text: str) -> str:
    """`text` with the secret part of every token replaced by bullets. The identifier is public and stays."""
    return TOKEN.sub(rf"\1{BULLET * 3}", text) if HINT.search(text) or UNBROKEN.search(text) else text


class RedactingFormatter(logging.Formatter):
    """Formats a record, its arguments and its traceback, then masks tokens."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class RedactingExceptionReporter(ExceptionReporter):
    """Django's error report with tokens masked in locals, messages, query strings and everything else."""

    def get_traceback_html(self) -> SafeString:
        return mark_safe(redact(super().get_traceback_html()))  # noqa: S308  (escaped there)

    def get_traceback_text(self) -> SafeString:
        return mark_safe(redact(super().get_traceback_text()))  # noqa: S308
