"""Allowed addresses: what people type becomes networks in CIDR form, and the other way round. Pure."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_address, ip_network

MOST = 50
V4_MAPPED = IPv6Network("::ffff:0:0/96")
SHOWN = 60  # characters of a wrong entry


def parse(text: str) -> list[str]:
    """The networks in `text`, in CIDR form: each once, in the order given. Spaces, lines or commas stand between.

    Raises ValueError with the fault of each wrong entry.
    """
    entries = [entry for entry in re.split(r"[\s,]+", text) if entry]
    if len(entries) > MOST:
        raise ValueError(f"These are {len(entries)} addresses; {MOST} at most.")
    networks, faults = [], []
    for entry in entries:
        try:
            networks.append(str(network(entry)))
        except ValueError as fault:
            faults.append(str(fault))
    if faults:
        raise ValueError(*faults)
    return list(dict.fromkeys(networks))


def network(entry: str) -> IPv4Network | IPv6Network:
    """The network that one entry means; a single address is a network of one. Raises ValueError with what is wrong."""
    if "%" in entry:
        raise ValueError(f"{entry[:SHOWN]} names a zone of one machine: leave out “%” and what follows.")
    try:
        meant = unmapped(ip_network(entry, strict=False))
    except ValueError:
        raise ValueError(
            f"{entry[:SHOWN]} is neither an address, such as 203.0.113.7, nor a network, such as 10.0.0.0/8."
        ) from None
    try:
        ip_network(entry)
    except ValueError:
        raise ValueError(f"{entry} has host bits: did you mean {meant}?") from None
    return meant


def unmapped(found: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """IPv4 out of its form in IPv6, ::ffff:203.0.113.7, because that is how its clients are known here."""
    if isinstance(found, IPv6Network) and found.subnet_of(V4_MAPPED):
        return IPv4Network((int(found.network_address) & 0xFFFFFFFF, found.prefixlen - V4_MAPPED.prefixlen))
    return found


def widens(old: Sequence[str], new: Sequence[str]) -> bool:
    """Whether a token that may be used from `new` can come from where one of `old` could not; none means anywhere."""
    if not old or not new:
        return bool(old)
    known = merged(old)
    return not all(any(covers(one, other) for one in known) for other in merged(new))


def merged(networks: Iterable[str]) -> list[IPv4Network | IPv6Network]:
    """The fewest networks that hold the same addresses."""
    found = [ip_network(entry) for entry in networks]
    return [
        *collapse_addresses(entry for entry in found if isinstance(entry, IPv4Network)),
        *collapse_addresses(entry for entry in found if isinstance(entry, IPv6Network)),
    ]


def covers(one: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    """Whether each address of `other` is in `one`."""
    return one.version == other.version and other[0] in one and other[-1] in one


def show(cidr: str) -> str:
    """A network as people write it: a single address without its /32 or /128."""
    found = ip_network(cidr)
    return str(found.network_address) if found.prefixlen == found.max_prefixlen else cidr


def neighbourhood(address: str) -> str:
    """What one client has: an IPv4 address, or a whole IPv6 /64."""
    if ":" in address and isinstance(ip_address(address), IPv6Address):
        return str(ip_network(f"{address}/64", strict=False))
    return address
