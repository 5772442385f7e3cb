"""Allowed addresses: what people type becomes networks in CIDR form, and the other way round. Pure."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network

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


def show(cidr: str) -> str:
    """A network as people write it: a single address without its /32 or /128."""
    found = ip_network(cidr)
    return str(found.network_address) if found.prefixlen == found.max_prefixlen else cidr
