"""The headers that say who calls: only Tokenry sets them, whatever a client sends."""

import pytest

from tests.system.backend import Backend
from tests.system.conftest import Site
from tests.system.gateways import IDENTITY, Gateway, bearer, identity

SPOOFED = {
    "dashes": [
        ("X-Auth-User", "1"),
        ("X-Auth-Scopes", "admin:all"),
        ("X-Auth-Email", "boss@example.com"),
        ("X-Auth-Team", "billing-ci"),
    ],
    "case": [
        ("x-auth-user", "1"),
        ("X-AUTH-SCOPES", "admin:all"),
        ("x-AuTh-eMaIl", "boss@example.com"),
        ("x-aUtH-tEaM", "billing-ci"),
    ],
    "underscores": [
        ("X_Auth_User", "1"),
        ("X_AUTH_SCOPES", "admin:all"),
        ("x_auth-email", "boss@example.com"),
        ("x_auth_team", "billing-ci"),
    ],
    "one underscore": [
        ("X-Auth_User", "1"),
        ("X_Auth-Scopes", "admin:all"),
        ("x-auth_email", "boss@example.com"),
        ("x-auth_team", "billing-ci"),
    ],
    "dots": [
        ("X.Auth.User", "1"),
        ("X.AUTH.SCOPES", "admin:all"),
        ("x.auth-email", "boss@example.com"),
        ("x.auth.team", "billing-ci"),
    ],
    "repeated": [
        ("X-Auth-User", "1"),
        ("X-Auth-User", "2"),
        ("X-Auth-Scopes", "a"),
        ("x-auth-scopes", "b"),
        ("X-Auth-Team", "a"),
        ("x-auth-team", "b"),
    ],
    "taken away": [
        (
            "Connection",
            "X-Auth-User, X-Auth-Email, X-Auth-Team, X-Auth-Token, X-Auth-Scopes, "
            "X-Auth-Environment",
        )
    ],
    "taken away too": [
        ("Connection", "close"),
        ("Connection", "x-auth-user"),
        ("X-Auth-User", "1"),
    ],
    "others of the name": [("X-Auth-Status", "200"), ("X-Auth-Problem", "{}")],
}


@pytest.mark.parametrize("headers", SPOOFED.values(), ids=SPOOFED)
def test_what_a_client_says_of_itself_is_dropped(
    gateway: Gateway, site: Site, backend: Backend, headers: list[tuple[str, str]]
) -> None:
    value = site.console.issue()
    assert gateway.ask("/", bearer(value), *headers).status == 200
    [got] = backend.received
    who = identity(got)
    assert set(who) - IDENTITY == set()
    assert (who["x-auth-token"], who["x-auth-email"]) == ([value[:24]], [site.installation.email])
    assert who.get("x-auth-scopes", [""]) == [""]
    assert who.get("x-auth-team", [""]) == [""]
    assert who["x-auth-user"] == [
        str(site.console.evaluate(f"User.objects.get(email={site.installation.email!r}).pk"))
    ]


@pytest.fixture(scope="module")
def team(site: Site) -> int:
    """Return the primary key of the account of a team."""
    making = "Team.make('billing-ci', 'Billing', {User.objects.get(): 'manager'}).account_id"
    return int(site.console.evaluate(making))


@pytest.mark.parametrize("kind", ["dashes", "case", "underscores", "repeated", "taken away"])
def test_a_token_of_a_team(
    gateway: Gateway, site: Site, backend: Backend, team: int, kind: str
) -> None:
    value = site.installation.issue(email="billing-ci@teams.invalid")
    assert gateway.ask("/", bearer(value), *SPOOFED[kind]).status == 200
    [got] = backend.received
    who = {name: values for name, values in identity(got).items() if values != [""]}
    assert who == {
        "x-auth-user": [str(team)],
        "x-auth-team": ["billing-ci"],
        "x-auth-token": [value[:24]],
        "x-auth-environment": ["live"],
    }
