"""May this token make this request?"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from tokens import policy

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@dataclass
class Facts:
    revoked_at: datetime | None = None
    expires_at: datetime = NOW + TICK
    owner_is_active: bool = True


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
def test_check(facts: Facts, code: str | None) -> None:
    assert policy.check(facts, NOW) == code
