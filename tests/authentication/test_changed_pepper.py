"""Several peppers: the one that digests use, and the answer of a node that lacks one."""

import logging
from typing import Any

import pytest
from django.test import Client

from tests.api.test_introspection import FORM
from tests.conftest import Issue, bearer
from tokens.authentication import lookup
from tokens.models import Digest, Event, Token
from tokens.token_settings import TokenSettings
from tokens.usage.recorder import recorder

pytestmark = pytest.mark.services
NEW = "q" * 40


@pytest.fixture
def peppers(token_settings: TokenSettings) -> Any:
    """Return a function that sets the peppers and the current one. A test begins with number 1."""
    old = token_settings.PEPPERS[1]

    def put(*numbers: int, current: int) -> None:
        values = {1: old, 2: NEW, 3: "r" * 40}
        token_settings.PEPPERS = {number: values[number] for number in numbers}
        token_settings.PEPPER_CURRENT = current

    return put


@pytest.fixture(autouse=True)
def forget_missing_peppers() -> None:
    lookup.missing_pepper_logged_at.clear()


def call(value: str) -> Any:
    return Client().get("/api/v1/token", headers=bearer(value))


def used(value: str) -> int:
    """Return the number of the token's pepper after a request with the token."""
    assert call(value).status_code == 200
    recorder.flush()
    return Token.objects.get(identifier=value[:24]).pepper


@pytest.mark.django_db
def test_nodes_with_different_current_peppers_pass_no_token_back_and_forth(
    issue: Issue, peppers: Any
) -> None:
    peppers(1, 2, current=1)
    old = issue()[1]
    assert used(old) == 1  # the new pepper only verifies
    peppers(1, 2, current=2)
    assert used(old) == 2
    new = issue()[1]
    peppers(1, 2, current=1)  # a node before its restart, or a rollback
    assert (used(old), used(new)) == (2, 2)
    assert issue()[0].pepper == 1


@pytest.mark.django_db
def test_a_node_that_lags_writes_no_lower_pepper_over_a_higher_one(
    issue: Issue, peppers: Any
) -> None:
    token, value = issue()
    peppers(1, 2, 3, current=2)
    assert call(value).status_code == 200  # its new digest waits for the flush
    Token.objects.update(**Digest("f" * 64, 3)._asdict())
    recorder.flush()
    token.refresh_from_db()
    assert (token.digest, token.pepper) == ("f" * 64, 3)


@pytest.mark.django_db
@pytest.mark.parametrize("secret", ["right", "wrong"])
def test_a_missing_pepper_is_the_nodes_failure_and_not_the_clients(
    issue: Issue,
    peppers: Any,
    token_settings: TokenSettings,
    caplog: pytest.LogCaptureFixture,
    secret: str,
) -> None:
    token_settings.FAILED_AUTH_LIMIT = "1/minute"
    _, value = issue()
    if secret == "wrong":
        Token.objects.update(digest="0" * 64)
    peppers(2, current=2)
    for _ in range(3):
        response = call(value)
        assert (response.status_code, response.json()["code"]) == (503, "unavailable")
        assert int(response["Retry-After"]) > 0
    assert value[24:] not in response.content.decode()
    assert call("tkn_nothing").json()["code"] == "malformed_token"  # the first failure that counts
    peppers(1, 2, current=2)
    assert call(issue()[1]).status_code == 200


@pytest.mark.django_db
def test_the_log_says_it_once_a_minute_for_each_pepper(
    issue: Issue, peppers: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 5.0
    monkeypatch.setattr("tokens.authentication.lookup.time.monotonic", lambda: now)
    first = issue()[1]
    peppers(1, 2, current=2)
    second = issue()[1]
    peppers(3, current=3)
    with caplog.at_level(logging.ERROR, "tokens.authentication.lookup"):
        for later in (0, 59.9, 0.1):
            now += later
            for value in (first, first, second):
                call(value)
    lacks = (
        "TOKEN_PEPPERS lacks number {}: tokens that work and need it get 503 until it is put back"
    )
    said = [
        record.getMessage()
        for record in caplog.records
        if record.name == "tokens.authentication.lookup"
    ]
    assert said == 2 * [lacks.format(1), lacks.format(2)]


@pytest.mark.django_db
def test_a_token_that_ended_is_unknown_without_its_pepper(issue: Issue, peppers: Any) -> None:
    token, value = issue()
    token.revoke()
    peppers(2, current=2)
    assert call(value).json()["code"] == "unknown_token"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["introspect", "revoke"])
def test_oauth_clients_are_told_to_try_again(issue: Issue, peppers: Any, path: str) -> None:
    _, value = issue()
    peppers(2, current=2)
    caller = issue(scopes=["tokens:introspect"])[1]
    response = Client().post(
        f"/api/v1/{path}", f"token={value}", content_type=FORM, headers=bearer(caller)
    )
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert int(response["Retry-After"]) > 0
    assert not Event.objects.filter(kind="revoked").exists()


@pytest.mark.usefixtures("each_way")
def test_a_gateway_hears_it_in_a_status_that_it_knows(issue: Issue, peppers: Any) -> None:
    _, value = issue()
    peppers(2, current=2)
    response = Client().get("/verify?statuses=401,403", headers=bearer(value))
    assert (response.status_code, response["X-Auth-Status"]) == (403, "503")


def test_troubleshoot_does_not_call_the_value_wrong(
    issue: Issue, peppers: Any, owner_client: Client
) -> None:
    _, value = issue()
    peppers(2, current=2)
    page = owner_client.post("/settings/tokens/troubleshoot/", {"pasted": value}).content.decode()
    assert "TOKEN_PEPPERS lacks a pepper" in page
    assert "the rest is not that token" not in page
    assert value[24:] not in page
