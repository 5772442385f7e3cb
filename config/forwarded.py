"""Who a request comes from, and by which scheme, as trusted proxies tell it. Pure but for TRUSTED_PROXIES."""

import re
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from django.conf import settings

from config.environment import Network

LONGEST = 60  # characters of an address with brackets, zone and port; clients may send anything, and it is remembered
LONGEST_ELEMENT = 1000  # characters of the header Forwarded, between two commas
PAIR = re.compile(r'(?:^|;)\s*(for|proto)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))\s*(?=;|$)', re.IGNORECASE)


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


def is_https(forwarded_proto: str) -> bool:
    """Whether `X-Forwarded-Proto` says that the client uses https. Of several proxies the first one met the client."""
    return forwarded_proto.partition(",")[0].strip().lower() == "https"


def from_the_right(forwarded: str) -> Iterator[str]:
    """Yield the elements of the header `Forwarded` (RFC 7239 section 4), the last one first.

    A quote that is never closed in what a client wrote changes nothing of what proxies wrote to the right of that.
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
    """Return the address and the scheme of the client behind trusted proxies, by the header `Forwarded` (RFC 7239).

    Each is "" where the header hides it. As with `X-Forwarded-For`, the header is read from the right: what stands left
    of the client's own element was written by the client.
    """
    address, scheme = peer, ""
    elements = filter(str.strip, from_the_right(forwarded))
    while is_trusted(address) and (element := next(elements, None)) is not None:
        told = {
            name.lower(): quoted or plain for name, quoted, plain in PAIR.findall(element.strip()[:LONGEST_ELEMENT])
        }
        address, scheme = plain_address(told.get("for", "")[:LONGEST]), told.get("proto", "").lower()
    return address, scheme
