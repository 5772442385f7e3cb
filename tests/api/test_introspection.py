"""POST /api/v1/introspect (RFC 7662)"""

from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.api.conftest import Caller
from tests.conftest import Issue, bearer
from tests.values import challenge
from tokens.authentication import credentials
from tokens.models import Scope, Token
from tokens.token_settings import TokenSettings

PATH = "/api/v1/introspect"
FORM = "application/x-www-form-urlencoded"
BASIC = 'Basic realm="api"'


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def ask(form: str, headers: dict[str, str]) -> Any:
    return Client(raise_request_exception=False).post(
        PATH, form, content_type=FORM, headers=headers
    )


def test_a_usable_token(caller: Caller, issue: Issue, teammate: User) -> None:
    Scope.objects.bulk_create(Scope(name=name, words=name) for name in ("a:read", "a:write"))
    token, value = issue(owner=teammate, environment="test", scopes=["a:write", "a:read"])
    answer = ask(f"token={value}&token_type_hint=refresh_token", bearer(caller.value))
    assert answer.json() == {
        "active": True,
        "scope": "a:read a:write",
        "client_id": token.identifier,
        "username": "teammate@example.com",
        "token_type": "Bearer",
        "exp": int(token.expires_at.timestamp()),
        "iat": int(token.created_at.timestamp()),
        "sub": str(teammate.pk),
        "environment": "test",
    }
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")


def test_by_basic_credentials(caller: Caller) -> None:
    answer = ask(f"token={caller.value}", basic(caller.token.identifier, caller.value))
    assert (answer.status_code, answer.json()["client_id"]) == (200, caller.token.identifier)
    assert answer["Token-Expires-At"]


@pytest.mark.parametrize(
    "end",
    [
        lambda token: token.revoke(),
        lambda token: Token.objects.filter(pk=token.pk).update(expires_at=timezone.now()),
        lambda token: User.objects.filter(pk=token.owner_id).update(is_active=False),
        lambda token: User.objects.get(pk=token.owner_id).delete(),
    ],
)
def test_what_is_not_usable_is_not_active(
    caller: Caller, issue: Issue, teammate: User, end: Callable[[Token], object]
) -> None:
    token, value = issue(owner=teammate)
    assert ask(f"token={value}", bearer(caller.value)).json()["active"] is True
    end(token)
    assert ask(f"token={value}", bearer(caller.value)).content == b'{"active": false}'


def test_a_token_of_another_environment_is_not_usable_here(
    caller: Caller, issue: Issue, token_settings: TokenSettings
) -> None:
    _, value = issue(environment="test")
    token_settings.ENVIRONMENT = "live"
    assert ask(f"token={value}", bearer(caller.value)).json() == {"active": False}
    assert ask(f"token={caller.value}", bearer(caller.value)).json()["active"] is True


def test_what_is_no_token_is_not_active(caller: Caller, issue: Issue) -> None:
    token, value = issue()
    body = token.identifier + "0" * credentials.SECRET_LENGTH
    for text in (
        "x",
        "%00",
        value[:-1],
        body + credentials.checksum(body),
        credentials.generate("tkn", "live").value,
    ):
        assert ask(f"token={text}", bearer(caller.value)).content == b'{"active": false}'


def test_a_scope_that_does_not_count_now_is_not_told(
    caller: Caller, issue: Issue, owner: User
) -> None:
    group = Group.objects.create(name="Finance")
    Scope.objects.create(name="a:read", words="a")
    Scope.objects.create(name="books:read", words="b", group=group)
    owner.groups.add(group)
    _, value = issue(scopes=["a:read", "books:read"])
    assert ask(f"token={value}", bearer(caller.value)).json()["scope"] == "a:read books:read"
    owner.groups.clear()
    assert ask(f"token={value}", bearer(caller.value)).json()["scope"] == "a:read"


@pytest.mark.parametrize(
    ("headers", "status", "code", "expected"),
    [
        ({}, 401, "missing_credentials", f"{challenge()}, {BASIC}"),
        (
            {"Authorization": "Digest x"},
            401,
            "missing_credentials",
            f"{challenge()}, {BASIC}",
        ),
        (basic("", "wrong"), 401, "malformed_token", ', Basic realm="api"'),
        (basic("wrong", "wrong"), 401, "malformed_token", ', Basic realm="api"'),
        (
            {"Authorization": "Basic not base64"},
            400,
            "malformed_header",
            'error="invalid_request"',
        ),
        ({"Authorization": "Basic /w=="}, 400, "malformed_header", 'error="invalid_request"'),
        ({"Authorization": "Basic"}, 400, "malformed_header", 'error="invalid_request"'),
        (bearer("wrong"), 401, "malformed_token", ', Basic realm="api"'),
    ],
)
def test_who_may_not_ask(
    caller: Caller, headers: dict[str, str], status: int, code: str, expected: str
) -> None:
    answer = ask(f"token={caller.value}", headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert expected in answer["WWW-Authenticate"]
    assert answer["Content-Type"] == "application/problem+json"


def test_the_user_name_is_the_tokens_own_identifier(caller: Caller, issue: Issue) -> None:
    other, _ = issue()
    for user in (other.identifier, "", caller.token.identifier.lower()):
        answer = ask("token=x", basic(user, caller.value))
        assert (answer.status_code, answer.json()["code"]) == (401, "malformed_token"), user
        assert "not that of the user name" in answer.json()["detail"]


def test_a_stranger_is_told_both_ways(db: None) -> None:
    assert "Basic credentials work too" in ask("token=x", {}).json()["detail"]


def test_a_revoked_caller_by_basic(caller: Caller) -> None:
    caller.token.revoke()
    answer = ask("token=x", basic(caller.token.identifier, caller.value))
    assert (answer.status_code, answer.json()["code"]) == (401, "revoked_token")
    assert answer["WWW-Authenticate"].endswith(', Basic realm="api"')


def test_without_the_scope(issue: Issue) -> None:
    token, value = issue()
    answer = ask(f"token={value}", basic(token.identifier, value))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_basic_credentials_are_for_oauth_clients_alone(caller: Caller) -> None:
    headers = basic(caller.token.identifier, caller.value)
    for method, path in (
        ("get", "/api/v1/token"),
        ("get", "/api/v1/tokens"),
        ("delete", "/api/v1/token"),
    ):
        answer = getattr(Client(), method)(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "missing_credentials")
        assert answer["WWW-Authenticate"] == challenge()


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("", "This is needed."),
        ("token=", "at least 1 character"),
        ("token_type_hint=x", "This is needed."),
        ("token=a&token=a", "Send this once."),
    ],
)
def test_a_wrong_form_is_as_oauth_says(caller: Caller, form: str, words: str) -> None:
    body = ask(form, bearer(caller.value)).json()
    assert (body["status"], body["code"], body["error"]) == (
        400,
        "invalid_request",
        "invalid_request",
    )
    assert [error["field"] for error in body["errors"]] == ["token"]
    assert words in body["errors"][0]["detail"]


def test_what_we_do_not_know_is_ignored(caller: Caller) -> None:
    answer = ask(f"token={caller.value}&client_id=x&extra=1&extra=2", bearer(caller.value))
    assert answer.json()["active"] is True


def test_two_queries(
    caller: Caller, issue: Issue, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    _, value = issue(expires_at=timezone.now() + timedelta(days=1))
    with django_assert_num_queries(2):  # the caller and the token
        ask(f"token={value}", bearer(caller.value))
