"""The rules for what a token may do. The functions use neither the database nor settings."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Protocol

SCOPE = re.compile(r"[a-z][a-z0-9_.-]*:[a-z][a-z0-9_.-]*")  # a scope name: resource:action
INTROSPECT = "tokens:introspect"  # the scope with which a token may introspect other tokens


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a view requires of a token: all of `scopes`, and the environment, if it is not empty.

    If `basic` is True, the view also accepts the token as the password in Basic credentials, as
    OAuth clients send it. If `introspects` is True, the view is the introspection of tokens, which
    has a rate limit of its own.
    """

    scopes: tuple[str, ...] = ()
    environment: str = ""
    basic: bool = False
    introspects: bool = False


class PolicyFacts(Protocol):
    """The attributes of a token that the checks of this module use. The model Token has them."""

    @property
    def revoked_at(self) -> datetime | None: ...
    @property
    def expires_at(self) -> datetime: ...
    @property
    def owner_is_active(self) -> bool: ...
    @property
    def environment(self) -> str: ...
    @property
    def addresses(self) -> str: ...


def check_validity(token: PolicyFacts, now: datetime) -> str | None:
    """Return None if the token is valid at `now`, else a problem code such as "expired_token".

    A token is no longer valid at the exact time `expires_at`. `status_at` in models/choices.py has
    the same rules for pages, and `TokenQuerySet.active` for queries.
    """
    if token.revoked_at is not None:
        return "revoked_token"
    if token.expires_at <= now:
        return "expired_token"
    if not token.owner_is_active:
        return "inactive_owner"
    return None


def check_access(
    token: PolicyFacts,
    held: Collection[str],
    needed: Collection[str],
    environment: str,
    address: str,
) -> str | None:
    """Return None if a valid token may make the request, else a code such as "wrong_environment".

    `held` has the scopes that the token may use, and `needed` the scopes that the view requires.
    `environment` is the only environment that the view accepts, or "" for any. `address` is the
    client's IP address, or "" if it is unknown.
    """
    if not set(needed).issubset(held):
        return "insufficient_scope"
    if environment and environment != token.environment:
        return "wrong_environment"
    if token.addresses and not is_allowed_address(address, token.addresses):
        return "address_not_allowed"
    return None


@lru_cache(maxsize=4096)
def is_allowed_address(address: str, networks: str) -> bool:
    """Return True if the IP address is in one of `networks`, a text such as "10.0.0.0/8 ::1/128".

    Return False for an empty address.
    """
    return bool(address) and any(
        ip_address(address) in network for network in split_networks(networks)
    )


@lru_cache(maxsize=1024)
def split_networks(networks: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the IP networks in `networks`, a text in which they are separated by spaces."""
    return tuple(ip_network(network) for network in networks.split())
