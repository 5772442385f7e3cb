"""May this token make this request? Pure: plain facts in, the code of a refusal or None out."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Protocol

SCOPE = re.compile(r"[a-z][a-z0-9_.-]*:[a-z][a-z0-9_.-]*")  # the name of one: resource:action


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a view asks of a token: every one of `scopes`, and this environment where it names one.

    With `basic` the token may come as the password of Basic credentials too, as OAuth clients send it.
    """

    scopes: tuple[str, ...] = ()
    environment: str = ""
    basic: bool = False


class Facts(Protocol):
    """What a decision needs to know of a token whose secret is proven."""

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


def usable(token: Facts, now: datetime) -> str | None:
    """Why the token signs nobody in, or None. A token is expired at the instant `expires_at`."""
    if token.revoked_at is not None:
        return "revoked_token"
    if token.expires_at <= now:
        return "expired_token"
    if not token.owner_is_active:
        return "inactive_owner"
    return None


def allows(token: Facts, held: Collection[str], needed: Collection[str], environment: str, address: str) -> str | None:
    """Why a token that signs its owner in may not do this, or None.

    `held` are its scopes that count now and `needed` those that the endpoint asks for; `environment` is the one
    accepted, "" for any; `address` is the client's, "" where it is not known.
    """
    if not set(needed).issubset(held):
        return "insufficient_scope"
    if environment and environment != token.environment:
        return "wrong_environment"
    if token.addresses and not lies_in(address, token.addresses):
        return "address_not_allowed"
    return None


@lru_cache(maxsize=4096)
def lies_in(address: str, networks: str) -> bool:
    """Whether `address` is in one of `networks`, which have a space between; no address is in none."""
    return bool(address) and any(ip_address(address) in network for network in parsed(networks))


@lru_cache(maxsize=1024)
def parsed(networks: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(network) for network in networks.split())
