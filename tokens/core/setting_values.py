"""Parsers of settings. A parser takes a text, or a value that is parsed already, and returns it.

If the value is wrong, the parser raises InvalidValue.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, cast
from urllib.parse import urlsplit

from django.utils.module_loading import import_string

from tokens.authentication.credentials import ENVIRONMENTS

MAX_GRACE_DAYS = 90  # for which tokens may work on after their owner's account is switched off
Network = IPv4Network | IPv6Network

HEADER_WORD = re.compile("[A-Za-z0-9](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?")
# "basic" and "bearer" would be taken for the schemes of Authorization.
NOT_FOR_TOKENS = {
    "authorization", "basic", "bearer", "cookie", "host", "content-type", "content-length",
}  # fmt: skip


class InvalidValue(ValueError):
    """The value of a setting is wrong. The message says which values are accepted."""


def boolean(value: Any) -> bool:
    """Return True for true, 1, yes and on; False for false, 0, no and off."""
    text = str(value).lower()
    if text in {"true", "1", "yes", "on"}:
        return True
    if text in {"false", "0", "no", "off"}:
        return False
    raise InvalidValue("true or false (or on, off).")


def metrics_switch(value: Any) -> bool:
    """Do the same as `boolean`. True needs the package prometheus-client."""
    is_on = boolean(value)
    if is_on and find_spec("prometheus_client") is None:
        raise InvalidValue(
            "true only if prometheus-client is installed: pip install 'tokenry[metrics]'."
        )
    return is_on


def whole_number(minimum: int, maximum: int) -> Callable[[Any], int]:
    """Return a parser of whole numbers from `minimum` to `maximum`, both included."""

    def parse(value: Any) -> int:
        text = str(value)
        if not re.fullmatch(r"[0-9]{1,9}", text) or not minimum <= int(text) <= maximum:
            raise InvalidValue(f"a whole number from {minimum} to {maximum}.")
        return int(text)

    return parse


def days(value: Any) -> int | None:
    """Return a number of days, or None for an empty text or None, which mean: no limit."""
    return None if value in ("", None) else whole_number(1, 36_500)(value)


def leaver_tokens(value: Any) -> timedelta | None:
    """Return how long the tokens of a switched off account work, or None if they end at once."""
    if value is None or isinstance(value, timedelta):
        return value
    found = re.fullmatch("grace:([1-9][0-9]?)d", value) if isinstance(value, str) else None
    if value != "end" and (found is None or int(found[1]) > MAX_GRACE_DAYS):
        raise InvalidValue(f"end, or a number of days up to {MAX_GRACE_DAYS}: grace:7d.")
    return timedelta(days=int(found[1])) if found else None


def one_of(*words: str) -> Callable[[Any], str]:
    """Return a parser that accepts one of `words`."""

    def parse(value: Any) -> str:
        if value not in words:
            raise InvalidValue(f"one of {', '.join(words)}.")
        return str(value)

    return parse


def text(value: Any) -> str:
    """Return a text as it is. Raise InvalidValue for anything else."""
    if not isinstance(value, str):
        raise InvalidValue("a text.")
    return value


def display_name(value: Any) -> str:
    """Return the name of the product as people see it: one short line."""
    if (
        not isinstance(value, str)
        or not value.strip()
        or len(value) > 60
        or not value.isprintable()
    ):
        raise InvalidValue("a name of 1 to 60 characters on one line.")
    return value.strip()


def function(value: Any) -> Callable[..., Any]:
    """Return a function, or the function with this name, such as `package.module.function`."""
    try:
        found = import_string(value) if isinstance(value, str) else value
    except ImportError as error:
        raise InvalidValue(f"the name of a function ({error}).") from None
    if not callable(found):
        raise InvalidValue("a function, or its name.")
    return cast(Callable[..., Any], found)


def optional_function(value: Any) -> Callable[..., Any] | None:
    """Return a function, as `function` does, or None for an empty text or None."""
    return None if value in ("", None) else function(value)


def split_list(value: Any) -> list[str]:
    """Return the parts of a text between commas, or of a list, without blanks and empty parts.

    A set is no list, because it has no first part.
    """
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise InvalidValue("a list of texts, or a text with commas.")
    return [part.strip() for part in parts if part.strip()]


def networks(value: Any) -> list[Network]:
    """Return the IP networks of a list such as `10.0.0.0/8,fd00::/8`."""
    try:
        return [ip_network(name) for name in split_list(value)]
    except ValueError:
        raise InvalidValue("a list of networks such as 10.0.0.0/8,fd00::/8.") from None


def token_environment(value: Any) -> str:
    """Return the only environment whose tokens are accepted, such as "live", or "" for all."""
    if value not in ("", *ENVIRONMENTS):
        raise InvalidValue(
            f"one of {', '.join(ENVIRONMENTS)}, or nothing to accept tokens of every one."
        )
    return str(value)


def legacy_schemes(value: Any) -> tuple[str, ...]:
    """Return the schemes of Authorization headers in which imported tokens come, in small letters.

    For example `Token` and `Api-Key`. Other names are those of RFC 9110 section 11.1.
    """
    found = split_list(value)
    if not all(map(HEADER_WORD.fullmatch, found)) or "basic" in map(str.lower, found):
        raise InvalidValue("a list of schemes such as Token,Api-Key,Bearer (not Basic).")
    return tuple(map(str.lower, found))


def legacy_headers(value: Any) -> tuple[str, ...]:
    """Return the names of the headers in which imported tokens come, such as `X-Api-Key`."""
    found = split_list(value)
    if not all(map(HEADER_WORD.fullmatch, found)) or NOT_FOR_TOKENS & {*map(str.lower, found)}:
        raise InvalidValue(
            "a list of headers such as X-Api-Key (not Authorization, Cookie or Host)."
        )
    return tuple(found)


def prefixes(value: Any) -> tuple[str, ...]:
    """Return the prefixes with which tokens may begin. The first prefix is for new tokens."""
    found = tuple(split_list(value))
    if (
        not found
        or len({*found}) < len(found)
        or not all(re.fullmatch("[a-z0-9]{2,6}", prefix) for prefix in found)
    ):
        raise InvalidValue(
            "2 to 6 lower-case letters or digits, or a list such as acme,tkn: new tokens begin "
            "with the first prefix, and tokens with any of them work."
        )
    return found


def peppers(value: Any) -> dict[int, str]:
    """Return the peppers (secret keys to hash tokens) by number.

    `value` is a text such as `1:<value>,2:<value>`, or a mapping.
    """
    parts = (
        [f"{number}:{pepper}" for number, pepper in value.items()]
        if isinstance(value, Mapping)
        else str(value).split(",")
    )
    found: dict[int, str] = {}
    for part in parts:
        match = re.fullmatch(r"\s*([1-9][0-9]{0,3}):(\S{32,})\s*", part)
        if not match or int(match[1]) in found:
            raise InvalidValue(
                "1:<value>,2:<value> with different numbers and values of at least 32 characters."
            )
        found[int(match[1])] = match[2]
    return found


def chosen_pepper(peppers: Collection[int]) -> Callable[[Any], int]:
    """Return a parser for the number of one of `peppers`."""

    def parse(value: Any) -> int:
        if str(value) not in map(str, peppers):
            raise InvalidValue(f"the number of a pepper: {', '.join(map(str, sorted(peppers)))}.")
        return int(value)

    return parse


def site_url(value: Any) -> str:
    """Return the address of the site: its origin (RFC 6454 section 6.2), and its path if any.

    The origin is in small letters: scheme, host, and the port unless it is the scheme's default.
    The result has no slash at its end.
    """
    text = str(value)
    found = re.fullmatch(
        r"(https?)://([0-9a-z.-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?(/.*)?",
        text,
        re.ASCII | re.IGNORECASE,
    )
    if not found or int(found[3] or 0) > 65535:
        raise InvalidValue(
            "the address that people open, such as https://tokens.example.com or "
            "https://intranet.example.com/tokens."
        )
    scheme, name, port, path = found.groups()
    scheme, path = scheme.lower(), (path or "").removesuffix("/")
    # The path becomes part of the names of cookies, so it takes only plain segments.
    if not re.fullmatch(r"(?:/[0-9A-Za-z][0-9A-Za-z._-]*)*", path):
        raise InvalidValue(
            "an address whose path is plain, such as https://intranet.example.com/tokens: between "
            "two slashes a letter or digit, then letters, digits, . _ or -; no query after it."
        )
    is_default = port in {None, {"http": "80", "https": "443"}[scheme]}
    return f"{scheme}://{name.lower()}{'' if is_default else f':{port}'}{path}"


def site_path(url: str) -> str:
    """Return the path of a site's address that is already checked: `/tokens`, or "" for none."""
    return urlsplit(url).path


def site_host(url: str) -> str:
    """Return the host name of a site's address that is already checked."""
    return urlsplit(url).hostname or ""


def path_prefixes(value: Any) -> tuple[str, ...]:
    """Return the beginnings of paths, such as `/api/`, each with a slash at both ends.

    The path `/` is the beginning of all paths.
    """
    found = tuple(split_list(value))
    if not all(prefix.startswith("/") for prefix in found):
        raise InvalidValue("a list of paths that begin with a slash, such as /api/.")
    return tuple(f"/{prefix.strip('/')}/".replace("//", "/") for prefix in found)
