"""What breaks a policy: plain facts in, a list of breaches out."""

import re
import time
from datetime import timedelta

import pytest

from tokens.policies.patterns import (
    matches_name,
    matches_scope,
    regex_of_other_scopes,
    regex_of_scopes,
    unmatched_patterns,
)
from tokens.policies.rules import Planned, Rules, find_breaches, shortest_lifetime

MONTH = Rules("Month", max_days=30)
READERS = Rules("Readers", scopes=("reports:read", "crm:*"))
NETWORKS = Rules("Networks", needs_addresses=True)
TWO = Rules("Two", environment="live", max_tokens=2)
FACTOR = Rules("Factor", needs_second_factor=True)
NAMES = Rules("Names", name_pattern="team-*")


@pytest.mark.parametrize(
    ("rule", "planned", "field"),
    [
        (MONTH, Planned(lifetime=timedelta(days=30)), None),
        (MONTH, Planned(lifetime=timedelta(days=30, seconds=1)), "expires"),
        (MONTH, Planned(), None),
        (READERS, Planned(scopes=["reports:read", "crm:write"]), None),
        (READERS, Planned(scopes=["reports:write"]), "scopes"),
        (READERS, Planned(scopes=["crmx:read"]), "scopes"),
        (NETWORKS, Planned(addresses=["10.0.0.0/8"]), None),
        (NETWORKS, Planned(addresses=[]), "allowed_addresses"),
        (NETWORKS, Planned(addresses=["0.0.0.0/0"]), "allowed_addresses"),
        (NETWORKS, Planned(addresses=["10.0.0.0/8", "::/0"]), "allowed_addresses"),
        (NETWORKS, Planned(addresses=["0.0.0.0/1", "128.0.0.0/1"]), "allowed_addresses"),
        (NETWORKS, Planned(addresses=["2000::/3"]), "allowed_addresses"),
        (NETWORKS, Planned(addresses=["fc00::/7", "2001:db8::/32", "::1/128"]), None),
        (NETWORKS, Planned(addresses=None), None),
        (TWO, Planned(others={"live": 1, "test": 9}), None),
        (TWO, Planned(others={"live": 2}), "number"),
        (TWO, Planned(others=None), None),
        (Rules("All", max_tokens=2), Planned(others={"live": 1, "test": 1}), "number"),
        (FACTOR, Planned(has_second_factor=True), None),
        (FACTOR, Planned(has_second_factor=False), "second_factor"),
        (FACTOR, Planned(), None),
        (NAMES, Planned(name="team-a"), None),
        (NAMES, Planned(name="my team-a"), "name"),
        (NAMES, Planned(name="Team-a"), "name"),
        (NAMES, Planned(), None),
    ],
)
def test_one_rule(rule: Rules, planned: Planned, field: str | None) -> None:
    found = find_breaches([rule], planned)
    assert [breach.field for breach in found] == ([field] if field else [])
    assert all(breach.policy == rule.policy in breach.message for breach in found)


def test_the_strictest_policy_wins() -> None:
    week, year = Rules("Week", max_days=7), Rules("Year", max_days=365)
    planned = Planned(lifetime=timedelta(days=400))
    assert [breach.policy for breach in find_breaches([year, week], planned)] == ["Week"]
    assert shortest_lifetime([year, week, NAMES]) == week
    assert shortest_lifetime([NAMES]) is None
    one, three = Rules("One", max_tokens=1), Rules("Three", max_tokens=3)
    found = find_breaches([three, one], Planned(others={"live": 3}))
    assert [breach.policy for breach in found] == ["One"]


def test_all_policies_hold_together() -> None:
    planned = Planned(name="a", scopes=["b:write"], addresses=[], lifetime=timedelta(days=31))
    found = find_breaches([NAMES, READERS, NETWORKS, MONTH], planned)
    assert {breach.field for breach in found} == {
        "name", "scopes", "allowed_addresses", "expires"
    }  # fmt: skip
    assert find_breaches([], planned) == []


def test_why_nobody_can_be_asked_for_a_second_factor_is_said() -> None:
    [breach] = find_breaches([FACTOR], Planned(has_second_factor=False, without_person="Why."))
    assert breach.message.endswith("Why.")


def test_patterns_of_names() -> None:
    assert matches_name("", "x")
    assert matches_name("team-?", "team-a")
    assert not matches_name("team-?", "team-ab")
    assert matches_name("*ci*", "a ci b")
    assert matches_name("a.b", "a.b")
    assert not matches_name("a.b", "axb")


def test_no_pattern_takes_long() -> None:
    begin = time.monotonic()
    assert not matches_name("*a" * 40 + "*b", "a" * 100)
    regex = regex_of_other_scopes([f"{letter}:*" for letter in "abcdefgh"])
    assert re.search(regex, "a:b " * 2000 + "a:c") is None
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize(
    ("scopes", "found"),
    [
        ("", False),
        ("reports:read", False),
        ("crm:read crm:write reports:read", False),
        ("reports:reading", True),
        ("crm:read reports:write", True),
        ("xcrm:read", True),
        ("crm.a:read", True),
    ],
)
def test_the_regex_agrees_with_the_function(scopes: str, found: bool) -> None:
    assert bool(re.search(regex_of_other_scopes(READERS.scopes), scopes)) is found
    assert bool(re.search(regex_of_scopes(READERS.scopes), scopes)) is any(
        matches_scope(READERS.scopes, name) for name in scopes.split()
    )
    assert found is not all(matches_scope(READERS.scopes, name) for name in scopes.split())


def test_patterns_that_match_nothing() -> None:
    assert unmatched_patterns(["a:read", "b:*", "c:*"], {"a:read", "c:write"}) == ["b:*"]
