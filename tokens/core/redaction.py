"""Mask everything that looks like a token in logs and error reports.

Other measures come first: `@sensitive_variables` keeps values out of tracebacks, `Credential`
leaves its value out of `repr`, and error reports hide secret settings. This one is the last.
"""

import logging
import re
from contextvars import ContextVar
from html import escape

from django.utils.safestring import SafeString, mark_safe
from django.views.debug import ExceptionReporter

from tokens.authentication.credentials import BULLET, ENVIRONMENTS, IDENTIFIER_LENGTH, TOKEN_LENGTH

START = rf"(?=[a-z0-9]{{2,6}}_(?:{'|'.join(ENVIRONMENTS)})_)"
SECRET = TOKEN_LENGTH - IDENTIFIER_LENGTH
# An identifier and the characters after it. So a token is masked even if a debugger cut off its
# end. If the match is shorter than a token, there may be a strange character in the token: then
# the rest of the word or path segment is masked too.
WITH_IDENTIFIER = re.compile(
    rf"""{START}(\w{{{IDENTIFIER_LENGTH}}})(?:\w{{{SECRET},}}|\w+(?:.[^\s"<>/]*\w)?)""", re.ASCII
)
# NOTE: The second alternative matches a secret without its identifier: a long word with capital
# letters, small letters and digits.
TOKEN = re.compile(
    rf"{WITH_IDENTIFIER.pattern}"
    r"|(?<![0-9A-Za-z])(?=[a-z0-9]*[A-Z])(?=[A-Z0-9]*[a-z])(?=[A-Za-z]*[0-9])"
    rf"[0-9A-Za-z]{{{SECRET - 1},}}",
    re.ASCII,
)
# These two expressions are much faster than TOKEN. A text that matches neither has no token.
HINT = re.compile(rf"_(?:{'|'.join(ENVIRONMENTS)})_")
UNBROKEN = re.compile(rf"[0-9A-Za-z]{{{SECRET - 1}}}")


# The values of imported tokens in the present request. Such a value has no form of its own.
hidden_values: ContextVar[tuple[str, ...]] = ContextVar("hidden_values", default=())
MIN_HIDDEN_LENGTH = 6  # a shorter text is no secret, and may be part of many words
MAX_HIDDEN_VALUES = 20  # more than one request looks up


def hide(value: str) -> None:
    """Mask `value` in all logs and error reports of the present request."""
    if len(value) >= MIN_HIDDEN_LENGTH:
        hidden_values.set((value, *hidden_values.get())[:MAX_HIDDEN_VALUES])


def hide_nothing() -> None:
    """Forget the values of the request before, which the same thread has answered.

    Otherwise a client could choose which words are missing in the logs of other requests.
    """
    hidden_values.set(())


def without_secrets(text: str) -> str:
    """Return `text` with each token cut to its identifier, the public first 24 characters."""
    return TOKEN.sub(r"\1", text)


def cut_tokens(text: str) -> str:
    """Return `text` with each token cut to its identifier.

    A secret without its identifier stays. So this is right for addresses, which may contain other
    long keys, such as those of links in mails.
    """
    return WITH_IDENTIFIER.sub(r"\1", text)


def redact(text: str) -> str:
    """Return `text` with bullets in place of the secret of each token.

    The public identifier, the first 24 characters, stays. The value of an imported token is
    replaced as a whole.
    """
    for value in sorted(hidden_values.get(), key=len, reverse=True):  # one may contain another
        text = text.replace(value, BULLET * 3).replace(escape(value), BULLET * 3)
    if HINT.search(text) or UNBROKEN.search(text):
        return TOKEN.sub(rf"\1{BULLET * 3}", text)
    return text


class RedactingFormatter(logging.Formatter):
    """Formats a log record with its arguments and traceback, then masks the tokens in the text."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class RedactingExceptionReporter(ExceptionReporter):
    """Django's error report with all tokens masked, in variables, messages and query strings."""

    def get_traceback_html(self) -> SafeString:
        return mark_safe(redact(super().get_traceback_html()))  # noqa: S308

    def get_traceback_text(self) -> SafeString:
        return mark_safe(redact(super().get_traceback_text()))  # noqa: S308
