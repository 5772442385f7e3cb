"""The last net: whatever looks like a token is masked in logs and error reports, wherever it came from."""

import logging
import re

from django.utils.safestring import SafeString, mark_safe
from django.views.debug import ExceptionReporter

from tokens.credential import BULLET, ENVIRONMENTS, IDENTIFIER_LENGTH

# An identifier followed by anything more, so that a token cut short by a debugger's line limit is masked too.
TOKEN = re.compile(
    rf"(?=[a-z0-9]{{2,6}}_(?:{'|'.join(ENVIRONMENTS)})_)([0-9A-Za-z_]{{{IDENTIFIER_LENGTH}}})[0-9A-Za-z_]+"
)
HINT = re.compile(rf"_(?:{'|'.join(ENVIRONMENTS)})_")  # found much faster; without it there is no token


def without_secrets(text: str) -> str:
    """`text` with every token cut to its identifier."""
    return TOKEN.sub(r"\1", text)


def redact(text: str) -> str:
    """`text` with the secret part of every token replaced by bullets. The identifier is public and stays."""
    return TOKEN.sub(rf"\1{BULLET * 3}", text) if HINT.search(text) else text


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
