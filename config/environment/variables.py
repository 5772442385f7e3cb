"""Parsers of environment variables. A parser takes a text, and returns the value.

tokens/core/setting_values.py has the parsers for settings that other projects have too.
If the text is wrong, the parser raises InvalidValue. Then Tokenry does not start, and prints one
line that names the variable.
"""

import os
import re
from collections.abc import Callable
from email.utils import quote
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import django
from django.core.exceptions import ImproperlyConfigured
from environ import Env

from config.environment import secret_values
from tokens.core.setting_values import InvalidValue, split_list

Parsed = TypeVar("Parsed")


def setting(
    name: str,
    default: str | Callable[[], str],
    parse: Callable[[str], Parsed],
    *,
    secret: bool = False,
) -> Parsed:
    """Return the value of the environment variable `name`, parsed by `parse`.

    If the variable is unset or empty, use `default`, or its result if `default` is a function. A
    secret may also come from the file that `<name>_FILE` names. If `parse` raises InvalidValue,
    raise ImproperlyConfigured with the name, the value (never that of a secret), and the message
    of InvalidValue.
    """
    held = secret_values.given_secret(name) if secret else os.environ.get(name, "").strip()
    try:
        held = held or (default() if callable(default) else default)
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name} is not set, and {file_error_in_words(error)}"
        ) from None
    try:
        return parse(held)
    except ValueError as error:
        shown = "set to a value that can't be used" if secret else repr(held)
        # A library's message is not shown, because it may quote the value.
        takes = error if isinstance(error, InvalidValue) else "a value of another form."
        raise ImproperlyConfigured(f"{name} is {shown}; it takes {takes}") from None


def file_error_in_words(error: OSError) -> str:
    """Return a message that names the file of `error`, the user of this process, and the reason.

    Often another user, such as root, has made the file.
    """
    return f"{error.filename} can't be used by user {os.geteuid()}: {error.strerror}."


def at_least(length: int) -> Callable[[str], str]:
    """Return a parser that accepts secrets of `length` characters or more."""

    def parse(text: str) -> str:
        if len(text) < length:
            raise InvalidValue(f"at least {length} characters.")
        return text

    return parse


def older_keys(text: str) -> list[str]:
    """Return the earlier values of SECRET_KEY, a list separated by commas. It may be empty."""
    found = split_list(text)
    if any(len(key) < 32 for key in found):
        raise InvalidValue("keys of at least 32 characters, separated by commas.")
    return found


def bearer_secret(text: str) -> str:
    """Return the secret that a client must send after `Bearer `, or "" for no secret."""
    if text and not re.fullmatch(r"[!-~]{32,}", text):
        raise InvalidValue("at least 32 printable ASCII characters, without spaces.")
    return text


def hosts(text: str) -> list[str]:
    """Return the host names that requests may have, for Django's ALLOWED_HOSTS."""
    found = split_list(text)
    if not found or not all(
        re.fullmatch(r"\*|\.?[0-9A-Za-z.-]+|\[[0-9A-Fa-f:.]+\]", name) for name in found
    ):
        raise InvalidValue(
            "host names without scheme or port, such as tokens.example.com,10.0.0.5."
        )
    return found


def host(text: str) -> str:
    """Return the address on which the server listens, an IP address or a host name."""
    if not re.fullmatch(r"[0-9A-Za-z.:-]+", text):
        raise InvalidValue("an address to listen on, such as 127.0.0.1 or 0.0.0.0.")
    return text


IN_PARTS = "inside a name or password # is written %23, / %2F, ? %3F and @ %40."
EMAIL_FORM = (
    f"consolemail://, smtp://, smtp+tls:// or smtp+ssl://user:password@host:port; {IN_PARTS}"
)


def split_url(text: str, form: str) -> SplitResult:
    """Return the parts of the URL of a service, such as a database. `form` says what is accepted.

    Raise InvalidValue if a password may contain # / ? or @. These characters must be
    percent-encoded, or the URL would be split inside the password.
    """
    pattern = r"(?:[^:/]*://)?([^/?]*)(.*)"
    authority, rest = re.fullmatch(pattern, text, re.DOTALL).groups()  # type: ignore[union-attr]
    password = authority.rpartition("@")[0].partition(":")[2]
    if "#" in text or "@" in password or (authority and "@" in rest):
        raise InvalidValue(form)
    try:
        return urlsplit(text)
    except ValueError:
        raise InvalidValue(form) from None


def mail_domain(host: str) -> str:
    """Return the part of a mail address after the @, for a host name or an IP address.

    An IP address is put in brackets (RFC 5321 section 4.1.3).
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"


def default_sender(product: str, domain: str) -> str:
    """Return the sender of mails if MAIL_FROM is not set: the product's name and an address.

    The name is quoted if it has other characters than letters, digits and blanks (RFC 5322).
    """
    name = product if re.fullmatch(r"\w+(?: \w+)*", product) else f'"{quote(product)}"'
    return f"{name} <tokenry@{domain}>"


def mail_sender(text: str) -> str:
    """Return the sender of mails: an e-mail address, or a name with the address in < >."""
    address = r"[^\s@<>\"(),;]+@[^\s@<>\"(),;]+"
    # A quoted text, or words (RFC 5322 section 3.4).
    name = r"\"(?:[^\"\\]|\\.)+\"|[^\s@<>\"(),;:]+(?: [^\s@<>\"(),;:]+)*"
    if not (text.isprintable() and re.fullmatch(rf"{address}|(?:{name}) <{address}>", text)):
        raise InvalidValue(
            "an address, such as tokenry@example.com or Tokenry <tokenry@example.com>."
        )
    return text


SMTP_OPTIONS = {
    "host": "EMAIL_HOST",
    "port": "EMAIL_PORT",
    "username": "EMAIL_HOST_USER",
    "password": "EMAIL_HOST_PASSWORD",
    "use_tls": "EMAIL_USE_TLS",
    "use_ssl": "EMAIL_USE_SSL",
    "timeout": "EMAIL_TIMEOUT",
}
FILE_OPTIONS = {"file_path": "EMAIL_FILE_PATH"}


def email_settings(text: str) -> dict[str, Any]:
    """Return Django's mail settings for a URL such as `smtp+tls://user:password@host:587`."""
    scheme = split_url(text, EMAIL_FORM).scheme
    if scheme not in Env.EMAIL_SCHEMES:
        raise InvalidValue(EMAIL_FORM)
    found: dict[str, Any] = Env.email_url_config(text)
    if scheme.startswith("smtp"):
        found["EMAIL_BACKEND"] = "config.mail_backend.EmailBackend"
    found["EMAIL_TIMEOUT"] = 10  # seconds; a mail server may hang
    ours = {"MAILS_ARE_PRINTED": scheme == "consolemail"}
    if django.VERSION < (6, 1):
        return found | ours
    # Django 6.1 deprecates EMAIL_* in favour of MAILERS. There a backend refuses options that it
    # does not know.
    known = (
        SMTP_OPTIONS if scheme.startswith("smtp") else FILE_OPTIONS if scheme == "filemail" else {}
    )
    options = {option: found[name] for option, name in known.items() if name in found}
    return ours | {"MAILERS": {"default": {"BACKEND": found["EMAIL_BACKEND"], "OPTIONS": options}}}
