"""What every request passes: who is really calling through a proxy, and compression of pages."""

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import GZipMiddleware

from config.environment import Network
from config.errors import content_too_large

COOKIE_LIMIT = 8192  # bytes; unquoting longer ones takes quadratic time in older Pythons (CVE-2024-7592)
LONGEST = 60  # characters of an address with brackets, zone and port; clients may send anything, and it is remembered
NUL = re.compile(r"\x00|\\000")  # as it is, or quoted; PostgreSQL takes none in a session's name


class ProxyMiddleware:
    """Replace the peer's address by the client's, and believe the scheme, only where TRUSTED_PROXIES vouch.

    `X-Forwarded-For` is read from the right: the first address that is not a trusted proxy is the client,
    because everything left of it was written by that client. From any other peer both headers are dropped,
    so that nothing behind this point can be moved by them. Cookies that are huge or hide a NUL are dropped as well.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        if (cookie := meta.get("HTTP_COOKIE")) and (len(cookie) > COOKIE_LIMIT or NUL.search(cookie)):
            meta["HTTP_COOKIE"] = ""
        forwarded_for = meta.pop("HTTP_X_FORWARDED_FOR", "")
        forwarded_proto = meta.pop("HTTP_X_FORWARDED_PROTO", "")
        peer = plain_address(meta.get("REMOTE_ADDR", ""))
        meta["REMOTE_ADDR"] = client_address(peer, forwarded_for) if forwarded_for else peer
        if forwarded_proto == "https" and is_trusted(peer):
            meta["wsgi.url_scheme"] = "https"
        return self.get_response(request)


@lru_cache(maxsize=4096)
def plain_address(text: str) -> str:
    """One spelling of the address in `text`: no port, no zone, IPv4 out of IPv6; "" where there is none."""
    without_port = re.sub(r"^(?:\[(.*)\]|([0-9.]+))(?::[0-9]+)?$", r"\1\2", text)
    try:
        address = ip_address(without_port)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        if address.scope_id:
            return ""
        return str(address.ipv4_mapped or address)
    return str(address)


def is_trusted(address: str) -> bool:
    """Whether `address` lies in one of TRUSTED_PROXIES."""
    return lies_in(address, settings.TRUSTED_PROXIES)


def lies_in(address: str, networks: list[Network]) -> bool:
    """Whether `address` lies in one of `networks`; no address does not."""
    return bool(address) and any(ip_address(address) in network for network in networks)


def client_address(peer: str, forwarded_for: str) -> str:
    """The address of the client behind trusted proxies, or "" where a header hides it."""
    address = peer
    for hop in reversed([hop.strip() for hop in forwarded_for.split(",") if hop.strip()]):
        if not is_trusted(address):
            break
        address = plain_address(hop[:LONGEST])
    return address


class BodyLimitMiddleware:
    """Refuse a page's body by its length, before anything reads it: CSRF protection alone would read all of a form.

    The HTTP API counts what it reads by itself, and answers with a problem.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if limit is not None and length_of(request) > limit:
            return content_too_large(request)
        return self.get_response(request)


def length_of(request: HttpRequest) -> int:
    """Return how many bytes the body says to have, as Django reads it."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


class PageCompressionMiddleware(GZipMiddleware):
    """Compress every page but those that show a secret: compressed length tells of what is inside (BREACH)."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        if getattr(response, "shows_secret", False):
            return response
        return super().process_response(request, response)
