"""A server whose wall clock jumps: tokens expire by it, and limits do not notice.

A test's view moves the clock in the running server: libfaketime breaks Python's time.sleep.
"""

import time

import pytest

from tests.quicker import first_quickly
from tests.run import patience, until
from tests.system.calls import Answer, call
from tests.system.conftest import Site, Sites

DAY = 86_400
WINDOW = 2  # seconds
QUOTA = 5


def move_clock(site: Site, seconds: int) -> None:
    assert call(site.server.port, "", f"/api/clock/{seconds}").status == 200


@pytest.fixture(scope="module", params=[True, False], ids=["Redis", "memory"])
def site(request: pytest.FixtureRequest, sites: Sites) -> Site:
    return sites(
        redis=request.param,
        DJANGO_SETTINGS_MODULE="tests.system.settings",
        TOKEN_RATE_LIMIT=f"{QUOTA}/{WINDOW}seconds",
    )


def codes(site: Site, value: str, times: int) -> list[str]:
    return [call(site.server.port, value).code for _ in range(times)]


def admitted(site: Site, value: str) -> Answer:
    """The first answer that admits, of a client that asks without a pause."""
    deadline = time.monotonic() + patience(5)
    while (answer := call(site.server.port, value)).status != 200:
        assert answer.code == "rate_limited"
        assert time.monotonic() < deadline, "the limit never ends"
    return answer


def test_tokens_expire_by_it(site: Site) -> None:
    short, long = site.console.issue("30d"), site.console.issue("90d")
    assert codes(site, short, 1) == [""]
    move_clock(site, 31 * DAY)
    try:
        refused = call(site.server.port, short)
        assert (refused.status, refused.code) == (401, "expired_token")
        assert call(site.server.port, long).status == 200
    finally:
        move_clock(site, -31 * DAY)
    assert codes(site, short, 1) == [""]


def test_a_renewed_token_works_until_its_overlap_ends(site: Site) -> None:
    old = site.console.issue()
    new = site.console.renew(old, "24h")
    assert codes(site, old, 1) == codes(site, new, 1) == [""]
    move_clock(site, DAY + 1)
    try:
        refused = call(site.server.port, old)
        assert (refused.status, refused.code) == (401, "expired_token")
        assert "It was renewed on" in str(refused.body["detail"])
        assert codes(site, new, 1) == [""]
    finally:
        move_clock(site, -DAY - 1)


@pytest.mark.parametrize("seconds", first_quickly([-3600, 3600], 1))
def test_limits_do_not_notice(site: Site, seconds: int) -> None:
    value = site.console.issue()
    site.console.change(value, f"set_rate_limit('{QUOTA}/hour')")
    assert codes(site, value, QUOTA) == QUOTA * [""]
    move_clock(site, seconds)
    assert codes(site, value, 3) == 3 * ["rate_limited"]

    value = site.console.issue()
    began = time.monotonic()
    assert call(site.server.port, value).status == 200
    move_clock(site, -seconds)
    while call(site.server.port, value).status == 200:
        pass
    admitted(site, value)
    assert time.monotonic() - began >= WINDOW


def test_last_use_heals_once_the_clock_is_back(site: Site) -> None:
    value = site.console.issue()
    site.console.change(value, "set_rate_limit('1000/hour')")
    last_use = (
        f"(Token.objects.get(identifier={value[:24]!r}).last_used_at"
        " - timezone.now()).total_seconds()"
    )
    move_clock(site, 2 * 3600)
    try:
        assert codes(site, value, 1) == [""]
        until(lambda: holds(site.console.evaluate(last_use) > 3600), AssertionError, TypeError)
    finally:
        move_clock(site, -2 * 3600)
    assert codes(site, value, 1) == [""]
    until(lambda: holds(site.console.evaluate(last_use) <= 0), AssertionError)


def holds(condition: bool) -> None:
    assert condition
