"""Middleware: clients behind proxies, large bodies, tokens in addresses, compressed pages."""

import logging
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.middleware.gzip import GZipMiddleware
from django.utils.http import escape_leading_slashes

from config.error_pages import content_too_large_page, token_in_address_page
from config.forwarded_headers import (
    client_address,
    client_and_scheme,
    is_https,
    is_trusted,
    plain_address,
)
from tokens.core.redaction import cut_tokens

log = logging.getLogger(__name__)

# Bytes. In older Pythons the time to parse a cookie grows with the square of its length
# (CVE-2024-7592).
COOKIE_LIMIT = 8192
# The number of addresses that the log warns about. Any client can cause a warning.
MAX_LOGGED_PEERS = 10
logged_peers: set[str] = set()
# A NUL character in a cookie, plain or quoted. PostgreSQL accepts no NUL in a session key.
NUL = re.compile(r"\x00|\\000")


class ProxyMiddleware:
    """Set the client's IP address and scheme from the headers of trusted proxies.

    A proxy is trusted if TRUSTED_PROXIES has its address. `X-Forwarded-For` is read from right to
    left: the first address that is no trusted proxy is the client. The client may have written
    everything to the left of it. With FORWARDED_HEADER=forwarded, the header `Forwarded` is read
    instead. All these headers are then removed from the request, so that later code can't trust
    them by mistake. Cookies that are very long or contain a NUL are removed too.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        if (cookie := meta.get("HTTP_COOKIE")) and (
            len(cookie) > COOKIE_LIMIT or NUL.search(cookie)
        ):
            meta["HTTP_COOKIE"] = ""
        resolve_client(meta)
        return self.get_response(request)


def resolve_client(meta: dict[str, Any]) -> None:
    """Set the client's address and scheme in `meta`, a WSGI environ, as ProxyMiddleware says."""
    forwarded_for = meta.pop("HTTP_X_FORWARDED_FOR", "")
    forwarded_proto = meta.pop("HTTP_X_FORWARDED_PROTO", "")
    forwarded = meta.pop("HTTP_FORWARDED", "")
    peer = plain_address(meta.get("REMOTE_ADDR", ""))
    meta["REMOTE_ADDR"] = peer
    if settings.FORWARDED_HEADER == "forwarded":
        if forwarded:
            meta["REMOTE_ADDR"], scheme = client_and_scheme(peer, forwarded)
            set_scheme_if_trusted(meta, peer, "Forwarded", https=scheme == "https")
        return
    if forwarded_for:
        meta["REMOTE_ADDR"] = client_address(peer, forwarded_for)
    if forwarded_proto:
        set_scheme_if_trusted(meta, peer, "X-Forwarded-Proto", https=is_https(forwarded_proto))


def set_scheme_if_trusted(meta: dict[str, Any], peer: str, header: str, *, https: bool) -> None:
    """If the trusted proxy `peer` says https, set the scheme to https.

    If `peer` is not trusted, log a warning, once for each address. The warning explains an endless
    redirect to https: TRUSTED_PROXIES lacks the proxy.
    """
    if is_trusted(peer):
        if https:
            meta["wsgi.url_scheme"] = "https"
    elif peer not in logged_peers and len(logged_peers) < MAX_LOGGED_PEERS:
        logged_peers.add(peer)
        log.warning(
            "%s from %s is not believed: TRUSTED_PROXIES does not name that address", header, peer
        )


class BodyLimitMiddleware:
    """Answer 413 to a page request with a large body, before other middleware reads the body.

    Otherwise Django's CSRF check would read the whole form. The API limits bodies itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if limit is not None and length_of(request) > limit:
            return content_too_large_page(request)
        return self.get_response(request)


def length_of(request: HttpRequest) -> int:
    """Return the Content-Length in bytes, or 0 if there is none or it is not a number."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


class TokenInAddressMiddleware:
    """Keep tokens that somebody pasted into an address out of all pages.

    A page repeats parts of its address, such as the search or the page to open after sign-in. So a
    GET request is redirected to the address with only the identifier of the token, its public
    first 24 characters. Other methods get an error page. The API is not affected.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        address = unquote(request.get_full_path())
        if cut_tokens(address) == address:
            return self.get_response(request)
        if request.method not in {"GET", "HEAD"}:
            return token_in_address_page()
        return HttpResponseRedirect(
            address_without_tokens(request), headers={"Cache-Control": "no-store"}
        )


def address_without_tokens(request: HttpRequest) -> str:
    """Return the path and query of `request`, with each token cut to its identifier."""
    query = QueryDict(mutable=True)
    for name, values in request.GET.lists():
        query.setlist(cut_tokens(name), [cut_tokens(value) for value in values])
    path = escape_leading_slashes(quote(cut_tokens(request.path)))
    return f"{path}?{query.urlencode()}" if query else path


class PageCompressionMiddleware(GZipMiddleware):
    """Compress pages, except those that show a secret.

    Somebody who sees the length of compressed pages could find out the secret (BREACH).
    """

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        if getattr(response, "shows_secret", False):
            return response
        return super().process_response(request, response)
