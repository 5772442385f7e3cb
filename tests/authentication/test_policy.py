"""Check if a token may make a request."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from tokens.authentication import policy

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@dataclass
class Facts:
    revoked_at: datetime | None = None
    expires_at: datetime = NOW + TICK
    owner_is_active: bool = True
    environment: str = "live"
    addresses: str = ""


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (Facts(), None),
        (Facts(expires_at=NOW + TICK), None),
        (Facts(expires_at=NOW), "expired_token"),
        (Facts(expires_at=NOW - TICK), "expired_token"),
        (Facts(revoked_at=NOW - TICK), "revoked_token"),
        (Facts(revoked_at=NOW + TICK), "revoked_token"),
        (Facts(owner_is_active=False), "inactive_owner"),
        (Facts(revoked_at=NOW, expires_at=NOW, owner_is_active=False), "revoked_token"),
        (Facts(expires_at=NOW, owner_is_active=False), "expired_token"),
    ],
)
def test_validity(facts: Facts, code: str | None) -> None:
    assert policy.check_validity(facts, NOW) == code


HOME, OFFICE = "203.0.113.0/24", "2001:db8::/32"


@pytest.mark.parametrize(
    ("held", "needed", "where", "code"),
    [
        ((), (), ("", "", ""), None),
        (("a:read",), ("a:read",), ("live", HOME, "203.0.113.7"), None),
        (("a:read", "b:write"), ("b:write", "a:read"), ("", "", ""), None),
        (("a:read",), ("a:read", "b:write"), ("", "", ""), "insufficient_scope"),
        ((), ("a:read",), ("", "", ""), "insufficient_scope"),
        (("a:reader",), ("a:read",), ("", "", ""), "insufficient_scope"),
        ((), (), ("test", "", ""), "wrong_environment"),
        ((), (), ("", HOME, "203.0.114.7"), "address_not_allowed"),
        ((), (), ("", HOME, ""), "address_not_allowed"),
        ((), (), ("", HOME, "2001:db8::1"), "address_not_allowed"),
        ((), (), ("", f"{HOME} {OFFICE}", "2001:db8::1"), None),
        ((), (), ("", "203.0.113.7/32", "203.0.113.7"), None),
        ((), (), ("", "203.0.113.7/32", "203.0.113.8"), "address_not_allowed"),
        ((), (), ("", "0.0.0.0/0", "203.0.113.8"), None),
        ((), ("a:read",), ("test", HOME, ""), "insufficient_scope"),
        ((), (), ("test", HOME, ""), "wrong_environment"),
    ],
)
def test_access(
    held: tuple[str, ...], needed: tuple[str, ...], where: tuple[str, str, str], code: str | None
) -> None:
    environment, addresses, address = where
    assert (
        policy.check_access(Facts(addresses=addresses), held, needed, environment, address) == code
    )
