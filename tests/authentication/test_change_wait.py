"""tokens/authentication/change_wait.py: which pages and which programs wait."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.authentication.conftest import no_place_left, places_left
from tests.conftest import Issue, bearer, page_of
from tokens.authentication import change_wait
from tokens.authentication.change_wait import CHANGE_WAIT_SECONDS
from tokens.authentication.leases import LEASE_SECONDS
from tokens.core.waiting_places import MAX_PLACES
from tokens.models import Token
from tokens.token_settings import TokenSettings

FORM_TYPE = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def nothing_is_kept() -> Iterator[None]:
    yield
    assert (
        places_left(change_wait.page_places)
        == places_left(change_wait.program_places)
        == MAX_PLACES
    )


def test_the_wait_outlasts_each_lease() -> None:
    assert pytest.approx(0.26) == CHANGE_WAIT_SECONDS
    assert CHANGE_WAIT_SECONDS > 1.09 * LEASE_SECONDS  # with clocks that run 9 % apart


# Pages


def test_a_page_waits_after_a_change(
    issue: Issue, owner_client: Client, waited: list[float]
) -> None:
    token, _ = issue()
    address = f"/settings/tokens/{token.identifier}/revoke/"
    assert owner_client.get(address).status_code == 200
    assert owner_client.head(address).status_code == 200
    assert not waited
    assert owner_client.post(address).status_code == 302
    assert waited == [CHANGE_WAIT_SECONDS]
    owner_client.post(address)  # again: it changes nothing, and must hold all the same
    assert waited == [CHANGE_WAIT_SECONDS] * 2


@pytest.mark.parametrize("path", ["/settings/tokens/new/", "/settings/theme/"])
def test_exempt_pages_do_not_wait(owner_client: Client, waited: list[float], path: str) -> None:
    owner_client.post(path, {"name": "A", "theme": "dark"})
    assert not waited


def test_nobody_waits_at_sign_in(owner: User, waited: list[float]) -> None:
    client = Client()
    client.post("/accounts/login/", {"login": owner.email, "password": "wrong"})
    client.post("/accounts/logout/")
    assert not waited


def test_a_stranger_does_not_wait(
    issue: Issue, stranger_client: Client, waited: list[float]
) -> None:
    token, _ = issue()
    response = stranger_client.post(f"/settings/tokens/{token.identifier}/revoke/")
    assert response["Location"].startswith("/accounts/login/")
    assert not waited


def test_a_teammate_who_may_not_waits_too(
    issue: Issue, teammate_client: Client, waited: list[float]
) -> None:
    """The wait goes by route, not by what happened."""
    token, _ = issue()
    response = teammate_client.post(f"/settings/tokens/{token.identifier}/revoke/")
    assert response.status_code == 404
    assert waited == [CHANGE_WAIT_SECONDS]


def test_who_deletes_their_account_waits(
    owner: User, owner_client: Client, waited: list[float]
) -> None:
    """At the end of such a request nobody is signed in."""
    owner_client.post("/settings/profile/delete/", {"email": owner.email, "password": "x"})
    assert waited == [CHANGE_WAIT_SECONDS]


def test_the_administration_waits(owner: User, admin_client: Client, waited: list[float]) -> None:
    admin_client.post(f"/admin/accounts/user/{owner.pk}/change/", {})
    assert waited == [CHANGE_WAIT_SECONDS]


def test_a_page_that_fails_waits(
    issue: Issue, owner_client: Client, waited: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error may come after the commit."""
    token, _ = issue()

    def fail(*arguments: Any, **options: Any) -> None:
        raise ValueError("an error after the commit")

    monkeypatch.setattr(Token, "revoke", fail)
    owner_client.raise_request_exception = False
    response = owner_client.post(f"/settings/tokens/{token.identifier}/revoke/")
    assert response.status_code == 500
    assert waited == [CHANGE_WAIT_SECONDS]


def test_without_a_place_a_page_says_that_nothing_changed(
    issue: Issue, owner_client: Client, waited: list[float]
) -> None:
    token, _ = issue()
    with no_place_left(change_wait.page_places):
        response = owner_client.post(f"/settings/tokens/{token.identifier}/revoke/")
        assert owner_client.get("/settings/tokens/").status_code == 200
    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert "Nothing was changed." in page_of(response)
    token.refresh_from_db()
    assert token.revoked_at is None
    assert not waited


# Programs


def test_a_program_waits_after_a_change(issue: Issue, waited: list[float]) -> None:
    _, value = issue()
    client = Client()
    assert client.get("/api/v1/token", headers=bearer(value)).status_code == 200
    assert not waited
    assert client.delete("/api/v1/token", headers=bearer(value)).status_code == 204
    assert waited == [CHANGE_WAIT_SECONDS]
    again = client.delete("/api/v1/token", headers=bearer(value))
    assert again.json()["code"] == "revoked_token"
    assert waited == [CHANGE_WAIT_SECONDS] * 2


@pytest.mark.django_db
def test_a_token_that_is_not_proven_does_not_wait(waited: list[float]) -> None:
    client = Client()
    assert client.delete("/api/v1/token").json()["code"] == "missing_credentials"
    assert client.delete("/api/v1/token", headers=bearer("x")).json()["code"] == "malformed_token"
    assert not waited


@pytest.mark.django_db
def test_a_refused_flood_does_not_wait(
    issue: Issue, token_settings: TokenSettings, waited: list[float]
) -> None:
    token_settings.RATE_LIMIT = "1/hour"
    _, value = issue()
    client = Client()
    client.get("/api/v1/token", headers=bearer(value))
    assert client.delete("/api/v1/token", headers=bearer(value)).status_code == 429
    assert not waited


def revoke_by_value(value: str) -> int:
    return Client().post("/api/v1/revoke", f"token={value}", content_type=FORM_TYPE).status_code


def test_a_revocation_by_value_waits_when_there_is_such_a_token(
    issue: Issue, waited: list[float]
) -> None:
    _, value = issue()
    for times in (1, 2):
        assert revoke_by_value(value) == 200
        assert waited == [CHANGE_WAIT_SECONDS] * times
    assert revoke_by_value("unknown") == 200
    assert len(waited) == 2


def test_exempt_calls_do_not_wait(issue: Issue, waited: list[float]) -> None:
    _, value = issue(scopes=["tokens:introspect", "tokens:write"])
    client = Client()
    answer = client.post(
        "/api/v1/introspect", f"token={value}", content_type=FORM_TYPE, headers=bearer(value)
    )
    assert answer.json()["active"] is True
    made = client.post(
        "/api/v1/tokens", {"name": "A"}, content_type="application/json", headers=bearer(value)
    )
    assert made.status_code == 201
    assert client.post("/verify", headers=bearer(value)).status_code == 200
    assert not waited


@pytest.mark.django_db
def test_without_a_place_a_program_gets_503(issue: Issue, waited: list[float]) -> None:
    token, value = issue()
    with no_place_left(change_wait.program_places):
        response = Client().delete("/api/v1/token", headers=bearer(value))
        assert Client().get("/api/v1/token", headers=bearer(value)).status_code == 200
    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert response.json()["code"] == "unavailable"
    assert "Nothing was changed." in response.json()["detail"]
    token.refresh_from_db()
    assert token.revoked_at is None


@pytest.mark.django_db
def test_without_a_place_nobody_revokes_by_value(issue: Issue, waited: list[float]) -> None:
    token, value = issue()
    with no_place_left(change_wait.program_places):
        assert revoke_by_value(value) == 503
        assert revoke_by_value("unknown") == 200  # whoever proves nothing needs no place
    token.refresh_from_db()
    assert token.revoked_at is None
