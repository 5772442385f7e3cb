"""What every request passes: who is really calling through a proxy, and compression of pages."""

import logging
import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import GZipMiddleware

from config.errors import content_too_large
from config.forwarded import client_address, client_and_scheme, is_https, is_trusted, plain_address

log = logging.getLogger(__name__)

COOKIE_LIMIT = 8192  # bytes; unquoting longer ones takes quadratic time in older Pythons (CVE-2024-7592)
MOST_TOLD = 10  # peers; anybody may send the header
untrusted: set[str] = set()  # peers of which the log tells already
NUL = re.compile(r"\x00|\\000")  # as it is, or quoted; PostgreSQL takes none in a session's name


class ProxyMiddleware:
    """Replace the peer's address by the client's, and believe the scheme, only where TRUSTED_PROXIES vouch.

    `X-Forwarded-For` is read from the right: the first address that is not a trusted proxy is the client,
    because everything left of it was written by that client. With FORWARDED_HEADER=forwarded, `Forwarded` is read
    instead. From any other peer all of these are dropped, so that nothing behind this point can be moved by them.
    Cookies that are huge or hide a NUL are dropped as well.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        if (cookie := meta.get("HTTP_COOKIE")) and (len(cookie) > COOKIE_LIMIT or NUL.search(cookie)):
            meta["HTTP_COOKIE"] = ""
        forwarded_for = meta.pop("HTTP_X_FORWARDED_FOR", "")
        forwarded_proto = meta.pop("HTTP_X_FORWARDED_PROTO", "")
        forwarded = meta.pop("HTTP_FORWARDED", "")
        peer = plain_address(meta.get("REMOTE_ADDR", ""))
        meta["REMOTE_ADDR"] = peer
        if settings.FORWARDED_HEADER == "forwarded":
            if forwarded:
                meta["REMOTE_ADDR"], scheme = client_and_scheme(peer, forwarded)
                self.believe(request, peer, "Forwarded", https=scheme == "https")
            return self.get_response(request)
        if forwarded_for:
            meta["REMOTE_ADDR"] = client_address(peer, forwarded_for)
        if forwarded_proto:
            self.believe(request, peer, "X-Forwarded-Proto", https=is_https(forwarded_proto))
        return self.get_response(request)

    @staticmethod
    def believe(request: HttpRequest, peer: str, header: str, *, https: bool) -> None:
        """Take the scheme from a trusted proxy; of another peer say once that nothing is believed, for whoever wonders
        why people are led to https without end."""
        if is_trusted(peer):
            if https:
                request.META["wsgi.url_scheme"] = "https"
        elif peer not in untrusted and len(untrusted) < MOST_TOLD:
            untrusted.add(peer)
            log.warning("%s from %s is not believed: TRUSTED_PROXIES does not name that address", header, peer)


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
