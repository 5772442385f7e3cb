"""The networks of allowed addresses: parse, compare and format."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokens.authentication.policy import is_allowed_address
from tokens.core.networks import MAX_NETWORKS, format_network, parse_networks, widens

SEPARATORS = st.sampled_from([" ", "\n", "\r\n", ",", ", ", "\t", " ,, "])


@st.composite
def networks(draw: st.DrawFn) -> str:
    """Return any network, without host bits."""
    version, bits = draw(st.sampled_from([(IPv4Network, 32), (IPv6Network, 128)]))
    prefix = draw(st.integers(0, bits))
    address = draw(st.integers(0, 2**bits - 1))
    return str(version((address >> (bits - prefix) << (bits - prefix), prefix)))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", []),
        (" \r\n, ", []),
        ("203.0.113.7", ["203.0.113.7/32"]),
        ("203.0.113.7/32", ["203.0.113.7/32"]),
        ("10.0.0.0/8", ["10.0.0.0/8"]),
        ("10.0.0.0/255.0.0.0", ["10.0.0.0/8"]),
        ("0.0.0.0/0", ["0.0.0.0/0"]),
        ("2001:DB8::1", ["2001:db8::1/128"]),
        ("2001:0db8:0000::/32", ["2001:db8::/32"]),
        ("::/0", ["::/0"]),
        ("::ffff:203.0.113.7", ["203.0.113.7/32"]),
        ("::ffff:cb00:7107", ["203.0.113.7/32"]),
        ("::ffff:10.0.0.0/104", ["10.0.0.0/8"]),
        ("::ffff:0:0/96", ["0.0.0.0/0"]),
        (
            "203.0.113.7 10.0.0.0/8,2001:db8::/32\r\n::1",
            ["203.0.113.7/32", "10.0.0.0/8", "2001:db8::/32", "::1/128"],
        ),
        ("10.0.0.1,10.0.0.1/32 ::ffff:10.0.0.1", ["10.0.0.1/32"]),
    ],
)
def test_what_is_meant(typed: str, meant: list[str]) -> None:
    assert parse_networks(typed) == meant


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("10.0.0.5/8", "10.0.0.5/8 has host bits: did you mean 10.0.0.0/8?"),
        ("2001:db8::1/32", "2001:db8::1/32 has host bits: did you mean 2001:db8::/32?"),
        ("::ffff:10.0.0.5/104", "::ffff:10.0.0.5/104 has host bits: did you mean 10.0.0.0/8?"),
        ("fe80::1%eth0", "fe80::1%eth0 names a zone of one machine"),
        ("fe80::%1/64", "fe80::%1/64 names a zone of one machine"),
        ("10.0.0.0/33", "10.0.0.0/33 is neither an address"),
        ("10.0.0.0/", "10.0.0.0/ is neither an address"),
        ("/8", "/8 is neither an address"),
        ("10.0.0.0/8/8", "10.0.0.0/8/8 is neither an address"),
        ("10.0.0.0/-1", "10.0.0.0/-1 is neither an address"),
        ("10.0.0.0/\u0668", "10.0.0.0/\u0668 is neither an address"),
        ("010.0.0.1", "010.0.0.1 is neither an address"),
        ("10.0.0", "10.0.0 is neither an address"),
        ("256.0.0.1", "256.0.0.1 is neither an address"),
        ("167772161", "167772161 is neither an address"),
        ("203.0.113.7:443", "203.0.113.7:443 is neither an address"),
        ("[::1]", "[::1] is neither an address"),
        ("api.example.com", "api.example.com is neither an address"),
        ("10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9 is neither an address"),
        ("\x00", "\x00 is neither an address"),
    ],
)
def test_errors(typed: str, error: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(error)}"):
        parse_networks(typed)


def test_each_error_is_named() -> None:
    with pytest.raises(ValueError, match="nonsense") as raised:
        parse_networks("10.0.0.1 nonsense 10.0.0.5/8")
    assert [error.split()[0] for error in raised.value.args] == ["nonsense", "10.0.0.5/8"]


def test_a_long_entry_is_not_repeated_whole() -> None:
    with pytest.raises(ValueError, match=f"^{'x' * 60} is") as raised:
        parse_networks("x" * 10_000)
    assert len(raised.value.args[0]) < 200


def test_at_most_50() -> None:
    lines = [f"10.0.0.{number}" for number in range(MAX_NETWORKS + 1)]
    assert len(parse_networks("\n".join(lines[:MAX_NETWORKS]))) == MAX_NETWORKS == 50
    with pytest.raises(ValueError, match="These are 51 addresses; 50 at most"):
        parse_networks("\n".join(lines))


@pytest.mark.parametrize(
    ("cidr", "shown"),
    [
        ("203.0.113.7/32", "203.0.113.7"),
        ("2001:db8::1/128", "2001:db8::1"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("2001:db8::/32", "2001:db8::/32"),  # not an address because an IPv4 one would be
    ],
)
def test_show(cidr: str, shown: str) -> None:
    assert format_network(cidr) == shown


@given(st.lists(networks(), max_size=10), SEPARATORS)
def test_what_is_shown_means_the_same(chosen: list[str], separator: str) -> None:
    once = parse_networks(separator.join(chosen))
    assert parse_networks(separator.join(map(format_network, once))) == once
    assert all(str(ip_network(network)) == network for network in once)


@given(networks(), st.data())
def test_an_address_of_the_network_is_let_in(network: str, data: st.DataObject) -> None:
    (kept,) = parse_networks(network)
    inside = ip_network(kept)
    offset = data.draw(st.integers(0, inside.num_addresses - 1))
    assert is_allowed_address(str(inside[offset]), kept)


@given(st.text(max_size=80))
def test_any_text_is_networks_or_errors(typed: str) -> None:
    errors: tuple[object, ...] = ()
    try:
        networks = parse_networks(typed)
    except ValueError as wrong:
        networks, errors = [], wrong.args
    assert all(isinstance(error, str) for error in errors)
    assert bool(networks or errors) == bool(re.sub(r"[\s,]", "", typed))
    assert networks == [str(ip_network(network)) for network in networks]


@pytest.mark.parametrize(
    ("old", "new", "wider"),
    [
        ("", "", False),
        ("", "10.0.0.0/8", False),
        ("10.0.0.0/8", "", True),
        ("10.0.0.0/8", "10.1.0.0/16 10.0.0.0/8", False),
        ("10.0.0.0/8", "11.0.0.0/8", True),
        ("10.0.0.0/9 10.128.0.0/9", "10.0.0.0/8", False),
        ("10.0.0.0/9 10.128.0.0/9", "10.0.0.0/7", True),
        ("0.0.0.0/0", "::1/128", True),
        ("0.0.0.0/0 ::/0", "::1/128 192.0.2.1/32", False),
    ],
)
def test_widens(old: str, new: str, wider: bool) -> None:
    assert widens(old.split(), new.split()) is wider


@given(st.lists(networks(), max_size=4), st.lists(networks(), min_size=1, max_size=4))
def test_a_change_that_does_not_widen_lets_nobody_else_in(old: list[str], new: list[str]) -> None:
    if old and not widens(old, new):
        for cidr in new:
            found = ip_network(cidr)
            for end in (found[0], found[-1]):
                assert is_allowed_address(str(end), " ".join(old))
    assert not widens(new, new)
    assert not widens([*old, *new], new)
