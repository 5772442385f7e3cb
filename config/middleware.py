"""What every request passes: who is really calling through a proxy, and compression of pages."""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import GZipMiddleware


class ProxyMiddleware:
    """Replace the peer's address by the client's, and believe the scheme, only where TRUSTED_PROXIES vouch.

    `X-Forwarded-For` is read from the right: the first address that is not a trusted proxy is the client,
    because everything left of it was written by that client. From any other peer both headers are dropped,
    so that nothing behind this point can be moved by them.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        forwarded_for = meta.pop("HTTP_X_FORWARDED_FOR", "")
        forwarded_proto = meta.pop("HTTP_X_FORWARDED_PROTO", "")
        if settings.TRUSTED_PROXIES and is_trusted(meta.get("REMOTE_ADDR", "")):
            meta["REMOTE_ADDR"] = client_address(meta["REMOTE_ADDR"], forwarded_for)
            if forwarded_proto == "https":
                meta["wsgi.url_scheme"] = "https"
        return self.get_response(request)


def is_trusted(address: str) -> bool:
    """Whether `address` lies in one of TRUSTED_PROXIES; text that is no address does not."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in settings.TRUSTED_PROXIES)


def client_address(peer: str, forwarded_for: str) -> str:
    """The address of the client behind trusted proxies, or "" where a header hides it."""
    address = peer
    for hop in reversed([hop.strip() for hop in forwarded_for.split(",") if hop.strip()]):
        if not is_trusted(address):
            break
        address = hop
    try:
        return str(ip_address(address))
    except ValueError:
        return ""


class PageCompressionMiddleware(GZipMiddleware):
    """Compress every answer but those that show a secret: compressed length tells of what is inside (BREACH)."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        if getattr(response, "shows_secret", False) or request.path.startswith("/api/"):
            return response
        return super().process_response(request, response)
