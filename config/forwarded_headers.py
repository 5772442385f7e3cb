"""Find the client's IP address and scheme (http or https) in the headers of trusted proxies.

A proxy is trusted if its address is in TRUSTED_PROXIES.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import ip_address

from django.conf import settings

from tokens.core.networks import parse_address
from tokens.core.setting_values import Network

# The longest address with brackets, zone and port, in characters. Clients may send longer texts,
# which a cache would keep.
MAX_ADDRESS = 60
# The longest element of the header Forwarded (the text between two commas), in characters.
MAX_ELEMENT = 1000
PAIR = re.compile(
    r'(?:^|;)\s*(for|proto)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))\s*(?=;|$)', re.IGNORECASE
)


@lru_cache(maxsize=4096)
def plain_address(text: str) -> str:
    """Return the IP address in `text` in its usual form, or "" if `text` has no valid address.

    `text` may have a port. An address with a zone, such as fe80::1%eth0, is not valid here. An
    IPv4 address inside an IPv6 address becomes IPv4.
    """
    without_port = re.sub(r"^(?:\[(.*)\]|([0-9.]+))(?::[0-9]+)?$", r"\1\2", text)
    try:
        return parse_address(without_port)
    except ValueError:
        return ""


def is_trusted(address: str) -> bool:
    """Return True if `address` is a proxy in TRUSTED_PROXIES."""
    return is_in_networks(address, settings.TRUSTED_PROXIES)


def is_in_networks(address: str, networks: list[Network]) -> bool:
    """Return True if `address` is in one of `networks`. Return False for ""."""
    return bool(address) and any(ip_address(address) in network for network in networks)


def client_address(peer: str, forwarded_for: str) -> str:
    """Return the client's IP address. `forwarded_for` is the header X-Forwarded-For.

    `peer` is the address that connected to this server. If `peer` is a trusted proxy, read the
    header from right to left, and return the first address that is no trusted proxy. Return "" if
    a proxy hides the address.
    """
    address = peer
    for hop in reversed([hop.strip() for hop in forwarded_for.split(",") if hop.strip()]):
        if not is_trusted(address):
            break
        address = plain_address(hop[:MAX_ADDRESS])
    return address


def is_https(forwarded_proto: str) -> bool:
    """Return True if `X-Forwarded-Proto` says that the client uses https.

    With several proxies, the first value is from the proxy that the client connected to.
    """
    return forwarded_proto.partition(",")[0].strip().lower() == "https"


def from_the_right(forwarded: str) -> Iterator[str]:
    """Yield the elements of the header `Forwarded` (RFC 7239 section 4), the last element first.

    NOTE: A client may send a quote that it never closes. For a reader from the left, everything
    after the quote would be quoted, also the elements that proxies added. For a reader from the
    right, only the client's own element changes.
    """
    end, is_quoted = len(forwarded), False
    for position in range(len(forwarded) - 1, -1, -1):
        if forwarded[position] == '"' and forwarded[position - 1 : position] != "\\":
            is_quoted = not is_quoted
        elif forwarded[position] == "," and not is_quoted:
            yield forwarded[position + 1 : end]
            end = position
    yield forwarded[:end]


def client_and_scheme(peer: str, forwarded: str) -> tuple[str, str]:
    """Return the client's IP address and scheme from the header `forwarded` (RFC 7239).

    `peer` is the address that connected to this server. If `peer` is a trusted proxy, the header
    is read from right to left, up to the first address that is no trusted proxy. The client itself
    may have written what is further left. The address or the scheme is "" if a proxy hides it.
    """
    address, scheme = peer, ""
    elements = filter(str.strip, from_the_right(forwarded))
    while is_trusted(address) and (element := next(elements, None)) is not None:
        pairs = {
            name.lower(): quoted or plain
            for name, quoted, plain in PAIR.findall(element.strip()[:MAX_ELEMENT])
        }
        address = plain_address(pairs.get("for", "")[:MAX_ADDRESS])
        scheme = pairs.get("proto", "").lower()
    return address, scheme
