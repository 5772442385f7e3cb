"""What policies demand of a token. Pure functions: they know neither the database nor settings.

Several policies may hold for one token. A token must keep all of them, so the strictest wins.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from tokens.policies.patterns import WIDE_NETWORK, matches_name, matches_scope

# The fields of a request that can break a policy. The last two are no fields of a form.
NAME, SCOPES, EXPIRES, ADDRESSES = "name", "scopes", "expires", "allowed_addresses"
NUMBER, SECOND_FACTOR = "number", "second_factor"


@dataclass(frozen=True, slots=True)
class Rules:
    """What one policy demands. An empty value demands nothing.

    `environment` is the only environment in which the policy holds, "" for all. `max_days` is the
    longest lifetime. `scopes` has the names and patterns of the scopes that are allowed.
    `max_tokens` is the number of active tokens of one owner in the environment.
    """

    policy: str
    environment: str = ""
    max_days: int | None = None
    scopes: tuple[str, ...] = ()
    needs_addresses: bool = False
    max_tokens: int | None = None
    needs_second_factor: bool = False
    name_pattern: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """What is planned for a token: only what is new. None and "" mean: stays as it is.

    `lifetime` is the time for which the token works. `others` has the number of the owner's other
    active tokens by environment; None if the number of tokens does not grow. `has_second_factor`
    is about the person who acts; None if nothing new is made.
    """

    name: str = ""
    scopes: Collection[str] = ()
    addresses: Collection[str] | None = None
    lifetime: timedelta | None = None
    others: Mapping[str, int] | None = None
    has_second_factor: bool | None = None
    # Why nobody can be asked for a second factor, or "".
    without_person: str = ""


class Breach(NamedTuple):
    """A policy that a token would break: the name of the policy, the field, and a sentence."""

    policy: str
    field: str
    message: str


def find_breaches(rules: Collection[Rules], planned: Planned) -> list[Breach]:
    """Return how the planned token would break `rules`, an empty list if it keeps them all.

    For the lifetime and the number of tokens, only the strictest policy is named.
    """
    found = [*_lifetime_breaches(rules, planned), *_number_breaches(rules, planned)]
    for rule in rules:
        found += _other_breaches(rule, planned)
    return found


def shortest_lifetime(rules: Iterable[Rules]) -> Rules | None:
    """Return the rule with the shortest longest lifetime, or None if no rule has one."""
    limited = [rule for rule in rules if rule.max_days is not None]
    return min(limited, key=lambda rule: rule.max_days or 0, default=None)


def other_scopes(rule: Rules, names: Iterable[str]) -> list[str]:
    """Return those scopes of `names` that the rule does not allow, in alphabetical order."""
    if not rule.scopes:
        return []
    return sorted(name for name in names if not matches_scope(rule.scopes, name))


def allows_any_address(addresses: Collection[str]) -> bool:
    """Return True if the addresses hardly limit the token: there are none, or a wide network."""
    return not addresses or bool(re.search(WIDE_NETWORK, " ".join(addresses)))


def count_in(others: Mapping[str, int], environment: str) -> int:
    """Return the number of tokens in an environment; in all of them for ""."""
    return others.get(environment, 0) if environment else sum(others.values())


def days_in_words(days: int | None) -> str:
    """Return a number of days in words, such as "1 day"."""
    return f"{days} day{'' if days == 1 else 's'}"


def tokens_in_words(count: int | None) -> str:
    """Return a number of active tokens in words, such as "1 active token"."""
    return f"{count} active token{'' if count == 1 else 's'}"


def _lifetime_breaches(rules: Iterable[Rules], planned: Planned) -> Iterator[Breach]:
    rule = shortest_lifetime(rules)
    if rule is None or rule.max_days is None or planned.lifetime is None:
        return
    if planned.lifetime > timedelta(days=rule.max_days):
        words = f"The policy “{rule.policy}” allows {days_in_words(rule.max_days)} at most."
        yield Breach(rule.policy, EXPIRES, f"{words} Choose a shorter expiration.")


def _number_breaches(rules: Iterable[Rules], planned: Planned) -> Iterator[Breach]:
    others = planned.others
    if others is None:
        return
    full = [
        rule
        for rule in rules
        if rule.max_tokens is not None and count_in(others, rule.environment) >= rule.max_tokens
    ]
    if full:
        rule = min(full, key=lambda each: each.max_tokens or 0)
        words = f"The policy “{rule.policy}” allows {tokens_in_words(rule.max_tokens)} at most."
        yield Breach(rule.policy, NUMBER, f"{words} Revoke one first.")


def _other_breaches(rule: Rules, planned: Planned) -> Iterator[Breach]:
    if planned.name and not matches_name(rule.name_pattern, planned.name):
        words = f"The policy “{rule.policy}” wants names like {rule.name_pattern}."
        yield Breach(rule.policy, NAME, words)
    if names := other_scopes(rule, planned.scopes):
        words = f"The policy “{rule.policy}” does not allow {', '.join(names)}."
        yield Breach(rule.policy, SCOPES, words)
    moved = planned.addresses
    if rule.needs_addresses and moved is not None and allows_any_address(moved):
        words = f"The policy “{rule.policy}” wants the addresses that may use the token, "
        words += "no network wider than /8 (IPv6: /16)."
        yield Breach(rule.policy, ADDRESSES, words)
    if rule.needs_second_factor and planned.has_second_factor is False:
        why = planned.without_person or "Set one up first."
        words = f"The policy “{rule.policy}” wants a second factor of whoever makes a token. {why}"
        yield Breach(rule.policy, SECOND_FACTOR, words)
