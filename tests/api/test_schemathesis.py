"""Run all checks of schemathesis in all phases, with a real token for each request."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.utils import timezone
from hypothesis import HealthCheck
from hypothesis import settings as effort
from hypothesis import strategies as st

from accounts.models import User
from tests.conftest import bearer
from tokens.models import Token
from tokens.token_settings import TokenSettings

PLACE = "a fresh token"
SCOPES = ["tokens:introspect", "tokens:read", "tokens:renew", "tokens:write"]
FUTURE = st.datetimes(datetime(2100, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NETWORKS = st.one_of(
    st.builds(IPv4Network, st.integers(0, 2**32 - 1)),
    st.builds(IPv6Network, st.integers(0, 2**128 - 1)),
)
schemathesis.openapi.format("ip-network", NETWORKS.map(str))
schemathesis.openapi.format("date-time", FUTURE.map(datetime.isoformat))
# Without one check: a revoked token can still be read, as tests/api/test_tokens.py asserts.
CHECKS = schemathesis.Config.from_dict({"checks": {"use_after_free": {"enabled": False}}})
schema = schemathesis.openapi.from_wsgi(
    "/api/v1/openapi.json", get_wsgi_application(), config=CHECKS
)
EFFORT = effort(
    max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
pytestmark = [pytest.mark.django_db, pytest.mark.long]


@schema.auth(refresh_interval=None)
class Bearer:
    """Send PLACE instead of a token: cases are generated before the database exists."""

    def get(self, case: Any, context: Any) -> str:
        return PLACE

    def set(self, case: Any, data: str, context: Any) -> None:
        case.headers = {**(case.headers or {}), "Authorization": data}


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Put another token into each call, because some calls end theirs."""
    if (case.headers or {}).get("Authorization") == PLACE:
        owner, _ = User.objects.get_or_create(email="owner@example.com")
        end = timezone.now() + timedelta(days=36_500)
        new = Token.objects.issue(
            owner=owner, name="Caller", environment="live", expires_at=end, scopes=SCOPES
        )[1]
        case.headers.update(bearer(new.value))


@pytest.fixture(autouse=True)
def one_transaction() -> Iterator[None]:
    """Requests keep the test's connection, as those of Django's own test client do."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture(autouse=True)
def no_limits(token_settings: TokenSettings) -> None:
    token_settings.RATE_LIMIT = token_settings.FAILED_AUTH_LIMIT = "1000000/minute"
    token_settings.MAX_TOKENS_PER_USER = 1_000_000


@schema.parametrize()
@EFFORT
def test_each_call(case: Any) -> None:
    case.call_and_validate()


def test_calls_after_one_another() -> None:
    schema.as_state_machine().run(settings=effort(EFFORT, stateful_step_count=6))
