"""Environment variables, each one checked: a wrong value ends the start with one line that names it."""

import os
import re
import tempfile
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

import django
from django.core.exceptions import ImproperlyConfigured
from environ import Env
from redis import ConnectionPool, RedisError

from tokens.credential import ENVIRONMENTS
from tokens.quota import parse as parse_rate_limit

Parsed = TypeVar("Parsed")
Network = IPv4Network | IPv6Network


class Wrong(ValueError):
    """A value that can't be used; the message says what the variable takes."""


def setting(
    name: str, default: str | Callable[[], str], parse: Callable[[str], Parsed], *, secret: bool = False
) -> Parsed:
    """The parsed value of the variable `name`; unset and empty both mean `default`, called where it is a function.

    A parser raises Wrong with what the variable takes. The message names the variable, what it
    held (never for a secret) and what it takes.
    """
    held = os.environ.get(name, "").strip()
    try:
        held = held or (default() if callable(default) else default)
    except OSError as error:
        raise ImproperlyConfigured(f"{name} is not set, and {unusable(error)}") from None
    try:
        return parse(held)
    except ValueError as error:
        shown = "set to a value that can't be used" if secret else repr(held)
        takes = error if isinstance(error, Wrong) else "a value of another form."  # a library's words may quote it
        raise ImproperlyConfigured(f"{name} is {shown}; it takes {takes}") from None


def unusable(error: OSError) -> str:
    """Say which file the operating system refuses, to whom and why: often it was made by another user, such as root."""
    return f"{error.filename} can't be used by user {os.geteuid()}: {error.strerror}."


def generated_once(path: Path, make: Callable[[], str]) -> str:
    """The secret kept in `path`, made on first use; the file's mode is 0600.

    Several processes may start at once: a hard link publishes the whole file or fails, so all of them
    read the same secret. Raises OSError, for `path`, where it can be neither read nor made.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=path.parent) as draft:  # made with mode 0600
                draft.write(make())
                draft.flush()
                with suppress(FileExistsError):
                    os.link(draft.name, path)
        return path.read_text()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def boolean(text: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if text.lower() not in words:
        raise Wrong("true or false.")
    return words[text.lower()]


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A parser of whole numbers between `least` and `most`, both included."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise Wrong(f"a whole number from {least} to {most}.")
        return int(text)

    return parse


def one_of(*words: str) -> Callable[[str], str]:
    """A parser that takes one of `words`."""

    def parse(text: str) -> str:
        if text not in words:
            raise Wrong(f"one of {', '.join(words)}.")
        return text

    return parse


def days(text: str) -> int | None:
    """A number of days; nothing is None, no limit."""
    return whole_number(1, 36_500)(text) if text else None


def at_least(length: int) -> Callable[[str], str]:
    """A parser of secrets that have `length` characters or more."""

    def parse(text: str) -> str:
        if len(text) < length:
            raise Wrong(f"at least {length} characters.")
        return text

    return parse


def bearer_secret(text: str) -> str:
    """What a client sends after `Bearer`; nothing is none."""
    if text and not re.fullmatch(r"[!-~]{32,}", text):
        raise Wrong("at least 32 printable ASCII characters, without spaces.")
    return text


def names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def hosts(text: str) -> list[str]:
    """Names that requests may name, as Django's ALLOWED_HOSTS takes them."""
    found = names(text)
    if not found or not all(re.fullmatch(r"\*|\.?[0-9A-Za-z.-]+|\[[0-9A-Fa-f:.]+\]", name) for name in found):
        raise Wrong("host names without scheme or port, such as tokens.example.com,10.0.0.5.")
    return found


def host(text: str) -> str:
    if not re.fullmatch(r"[0-9A-Za-z.:-]+", text):
        raise Wrong("an address to listen on, such as 127.0.0.1 or 0.0.0.0.")
    return text


def site_url(text: str) -> str:
    """Scheme, name and port of the address that people open, as browsers write an origin (RFC 6454 section 6.2).

    It is in small letters, and without the port that the scheme has anyway.
    """
    found = re.fullmatch(r"(https?)://([0-9a-z.-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?/?", text.lower())
    if not found or int(found[3] or 0) > 65535:
        raise Wrong("the address that people open, such as https://tokens.example.com, without a path.")
    scheme, name, port = found.groups()
    is_usual = port in {None, {"http": "80", "https": "443"}[scheme]}
    return f"{scheme}://{name}" if is_usual else f"{scheme}://{name}:{port}"


def token_prefix(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]{2,6}", text):
        raise Wrong("2 to 6 lower-case letters or digits.")
    return text


def token_environment(text: str) -> str:
    if text not in {"", *ENVIRONMENTS}:
        raise Wrong(f"one of {', '.join(ENVIRONMENTS)}, or nothing to accept tokens of every one.")
    return text


def rate_limit(text: str) -> str:
    """A limit in the notation of the `limits` library."""
    try:
        parse_rate_limit(text)
    except ValueError:
        raise Wrong("limits such as 1000/hour, or several: 10/second;1000/hour.") from None
    return text


def peppers(text: str) -> dict[int, str]:
    """`1:<value>,2:<value>` as a mapping from number to value."""
    found: dict[int, str] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*([1-9][0-9]{0,3}):(\S{32,})\s*", part)
        if not match or int(match[1]) in found:
            raise Wrong("1:<value>,2:<value> with different numbers and values of at least 32 characters.")
        found[int(match[1])] = match[2]
    return found


def networks(text: str) -> list[Network]:
    try:
        return [ip_network(name) for name in names(text)]
    except ValueError:
        raise Wrong("a list of networks such as 10.0.0.0/8,fd00::/8.") from None


def site_host(url: str) -> str:
    """The name in a checked SITE_URL."""
    return urlsplit(url).hostname or ""


IN_PARTS = "inside a name or password # is written %23, / %2F, ? %3F and @ %40."
DATABASE_FORM = f"sqlite:///path/of/the/file or postgres://user:password@host:port/name; {IN_PARTS}"
REDIS_FORM = f"redis://user:password@host:port/number, rediss://, valkey:// or unix:///path/of/the/socket; {IN_PARTS}"
EMAIL_FORM = f"consolemail://, smtp://, smtp+tls:// or smtp+ssl://user:password@host:port; {IN_PARTS}"


def split_url(text: str, form: str) -> SplitResult:
    """Return the parts of a service's URL. Raises Wrong where a password may have been cut in two: by # / ? or @."""
    authority, rest = re.fullmatch(r"(?:[^:/]*://)?([^/?]*)(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    password = authority.rpartition("@")[0].partition(":")[2]
    if "#" in text or "@" in password or (authority and "@" in rest):
        raise Wrong(form)
    try:
        return urlsplit(text)
    except ValueError:
        raise Wrong(form) from None


def redis_url(text: str) -> str:
    """Return the URL of a Redis or Valkey as redis-py reads it; nothing is none."""
    if not text:
        return text
    url = split_url(text, REDIS_FORM)
    scheme = {"valkey": "redis", "valkeys": "rediss", "redis+unix": "unix"}.get(url.scheme, url.scheme)
    if not re.fullmatch("/.+" if scheme == "unix" else "/?[0-9]*", url.path):
        raise Wrong(REDIS_FORM)
    address = scheme + text[len(url.scheme) :]
    try:
        ConnectionPool.from_url(address).make_connection()  # which does not connect yet
    except (ValueError, TypeError, RedisError):
        raise Wrong(REDIS_FORM) from None
    return address


def database_url(text: str) -> dict[str, Any]:
    """Return Django's settings for the URL of an SQLite file or a PostgreSQL.

    The host of a PostgreSQL may be the folder of its socket, percent-encoded, as libpq takes it.
    """
    url = split_url(text, DATABASE_FORM)
    known = url.scheme in {"postgres", "postgresql"} or (url.scheme == "sqlite" and not url.netloc)
    if not known or not url.path.strip("/"):
        raise Wrong(DATABASE_FORM)
    found = dict(Env.db_url_config(text))
    host = unquote(url.netloc.rpartition("@")[2].partition(":")[0])
    return found | {"HOST": host} if host.startswith("/") else found


def mail_domain(host: str) -> str:
    """Return what stands after the @ of an address at `host`, which may be an IP address (RFC 5321, section 4.1.3)."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"


def mail_sender(text: str) -> str:
    """Return the sender of mails: an address, with or without a name before it."""
    address = r"[^\s@<>\"(),;]+@[^\s@<>\"(),;]+"
    name = r"\"(?:[^\"\\]|\\.)+\"|[^\s@<>\"(),;:]+(?: [^\s@<>\"(),;:]+)*"  # quoted, or words (RFC 5322 section 3.4)
    if not (text.isprintable() and re.fullmatch(rf"{address}|(?:{name}) <{address}>", text)):
        raise Wrong("an address, such as tokenry@example.com or Tokenry <tokenry@example.com>.")
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
    """Return the mail settings for an address such as `smtp+tls://user:password@host:587`."""
    scheme = split_url(text, EMAIL_FORM).scheme
    if scheme not in Env.EMAIL_SCHEMES:
        raise Wrong(EMAIL_FORM)
    found: dict[str, Any] = Env.email_url_config(text)
    found["EMAIL_TIMEOUT"] = 10  # seconds, so that a mail server that hangs stops nothing for long
    ours = {"MAILS_ARE_PRINTED": scheme == "consolemail"}
    if django.VERSION < (6, 1):
        return found | ours
    # Django 6.1 deprecates EMAIL_* in favour of MAILERS, where a backend refuses options that it does not know.
    known = SMTP_OPTIONS if scheme.startswith("smtp") else FILE_OPTIONS if scheme == "filemail" else {}
    options = {option: found[name] for option, name in known.items() if name in found}
    return ours | {"MAILERS": {"default": {"BACKEND": found["EMAIL_BACKEND"], "OPTIONS": options}}}
