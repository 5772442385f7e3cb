"""What one process changes, the next request to every other one obeys."""

import pytest

from tests.server import frozen
from tests.system.calls import call
from tests.system.conftest import Site, Sites

PROCESSES = 3
CALLS = 30
IN_GROUP = (
    "Scope(pk=Scope.objects.get().pk, name='reports:read', words='Read',"
    " group=Group.objects.get(name='Analysts'))"
)
OWNER = "User.objects.filter(pk=User.objects.get().pk)"


@pytest.fixture(scope="module", params=[True, False], ids=["PostgreSQL", "SQLite"])
def site(request: pytest.FixtureRequest, sites: Sites) -> Site:
    made = sites(
        postgresql=request.param,
        redis=True,
        WEB_WORKERS=str(PROCESSES),
        DJANGO_SETTINGS_MODULE="tests.system.settings",
    )
    made.console.evaluate(
        "[Group.objects.create(name='Analysts').user_set.add(User.objects.get())]"
    )
    made.console.evaluate(
        "[Scope.objects.all().delete(), Scope.objects.create(name='reports:read', words='Read')]"
    )
    return made


def codes(site: Site, value: str, path: str = "/api/report") -> set[str]:
    """What all of many requests met, one after the other: "" where they were admitted."""
    return {call(site.server.port, value, path).code for _ in range(CALLS)}


def warm(site: Site, value: str) -> None:
    """Have every process admit the token, so that it could keep what it knows of it."""
    workers = set(site.server.workers)
    for worker in workers:
        with frozen(*workers - {worker}):
            answer = call(site.server.port, value, "/api/report")
        assert (answer.status, answer.body) == (200, {"process": worker})


CHANGE = "change(name='Test', description='', scopes={scopes}, allowed_addresses={addresses})"


@pytest.mark.parametrize(
    ("method", "code", "back"),
    [
        (
            CHANGE.format(scopes=[], addresses=[]),
            "insufficient_scope",
            CHANGE.format(scopes=["reports:read"], addresses=[]),
        ),
        (
            CHANGE.format(scopes=["reports:read"], addresses=["192.0.2.1/32"]),
            "address_not_allowed",
            CHANGE.format(scopes=["reports:read"], addresses=["127.0.0.0/8"]),
        ),
        ("set_rate_limit('1/hour')", "rate_limited", "set_rate_limit('100000/hour')"),
    ],
    ids=["scopes", "addresses", "limit"],
)
def test_a_changed_token(site: Site, method: str, code: str, back: str) -> None:
    value = site.console.issue(scopes=("reports:read",))
    site.console.change(value, "set_rate_limit('100000/hour')")
    warm(site, value)
    site.console.change(value, method)
    assert codes(site, value) == {code}
    site.console.change(value, back)
    assert codes(site, value) == {""}


@pytest.mark.parametrize(
    ("change", "code", "back"),
    [
        (
            "[User.objects.get().groups.clear()]",
            "insufficient_scope",
            "[User.objects.get().groups.add(Group.objects.get(name='Analysts'))]",
        ),
        (f"{OWNER}.update(is_active=False)", "inactive_owner", f"{OWNER}.update(is_active=True)"),
    ],
    ids=["group", "owner"],
)
def test_a_changed_owner(site: Site, change: str, code: str, back: str) -> None:
    value = site.console.issue(scopes=("reports:read",))
    site.console.change(value, "set_rate_limit('100000/hour')")
    site.console.evaluate(f"Scope.save({IN_GROUP})")
    warm(site, value)
    site.console.evaluate(change)
    assert codes(site, value) == {code}
    site.console.evaluate(back)
    assert codes(site, value) == {""}
