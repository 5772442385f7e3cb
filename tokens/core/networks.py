"""The networks from which a token may be used: parse, compare and format them."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import (
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
)

MAX_NETWORKS = 50
V4_MAPPED = IPv6Network("::ffff:0:0/96")
MAX_SHOWN_CHARACTERS = 60  # of a wrong entry, in its error message


def parse_networks(text: str) -> list[str]:
    """Return the networks in `text` in CIDR form, in the order given, without duplicates.

    Spaces, line breaks or commas separate the entries. Raise ValueError with one message for
    each wrong entry, or if there are more than MAX_NETWORKS.
    """
    entries = [entry for entry in re.split(r"[\s,]+", text) if entry]
    if len(entries) > MAX_NETWORKS:
        raise ValueError(f"These are {len(entries)} addresses; {MAX_NETWORKS} at most.")
    networks, errors = [], []
    for entry in entries:
        try:
            networks.append(str(parse_network(entry)))
        except ValueError as error:
            errors.append(str(error))
    if errors:
        raise ValueError(*errors)
    return list(dict.fromkeys(networks))


def parse_network(entry: str) -> IPv4Network | IPv6Network:
    """Return the network in `entry`. A single address becomes a network of one address.

    Raise ValueError with a message for the person who typed `entry`.
    """
    if "%" in entry:
        raise ValueError(
            f"{entry[:MAX_SHOWN_CHARACTERS]} names a zone of one machine: "
            "leave out “%” and what follows."
        )
    try:
        meant = unmap_ipv4(ip_network(entry, strict=False))
    except ValueError:
        raise ValueError(
            f"{entry[:MAX_SHOWN_CHARACTERS]} is neither an address, such as 203.0.113.7, "
            "nor a network, such as 10.0.0.0/8."
        ) from None
    try:
        ip_network(entry)
    except ValueError:
        raise ValueError(f"{entry} has host bits: did you mean {meant}?") from None
    return meant


def parse_address(text: str) -> str:
    """Return an IP address in its usual form. An IPv4 address inside an IPv6 address becomes IPv4.

    Raise ValueError if `text` is no IP address, or has a zone, such as fe80::1%eth0.
    """
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        if address.scope_id:
            raise ValueError("An address with a zone is valid only on one machine.")
        return str(address.ipv4_mapped or address)
    return str(address)


def unmap_ipv4(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """Return an IPv4-mapped IPv6 network (::ffff:203.0.113.7) as IPv4, others unchanged.

    The addresses of IPv4 clients are plain IPv4 here, so a mapped network would never match.
    """
    if isinstance(network, IPv6Network) and network.subnet_of(V4_MAPPED):
        address = int(network.network_address) & 0xFFFFFFFF
        return IPv4Network((address, network.prefixlen - V4_MAPPED.prefixlen))
    return network


def widens(old: Sequence[str], new: Sequence[str]) -> bool:
    """Return True if the networks `new` contain an address that `old` do not contain.

    An empty list stands for every address.
    """
    if not old or not new:
        return bool(old)
    old_networks = merge_networks(old)
    return not all(
        any(covers(one, other) for one in old_networks) for other in merge_networks(new)
    )


def merge_networks(networks: Iterable[str]) -> list[IPv4Network | IPv6Network]:
    """Return the shortest list of networks that contains the same addresses."""
    parsed = [ip_network(entry) for entry in networks]
    return [
        *collapse_addresses(entry for entry in parsed if isinstance(entry, IPv4Network)),
        *collapse_addresses(entry for entry in parsed if isinstance(entry, IPv6Network)),
    ]


def covers(one: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    """Return True if each address of `other` is in `one`."""
    return one.version == other.version and other[0] in one and other[-1] in one


def format_network(cidr: str) -> str:
    """Return a network as people write it: a single address without its /32 or /128."""
    network = ip_network(cidr)
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else cidr


def client_network(address: str) -> str:
    """Return `address`, or its /64 network for IPv6: one client may have a whole /64."""
    if ":" in address and isinstance(ip_address(address), IPv6Address):
        return str(ip_network(f"{address}/64", strict=False))
    return address
