"""The pipeline, with all middleware around it."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.conftest import Issue, bearer
from tokens.authentication import credentials
from tokens.models import Token
from tokens.token_settings import TokenSettings
from tokens.usage.recorder import recorder

PATH = "/api/v1/token"


def call(header: str | None, client: Client | None = None) -> Any:
    headers = {} if header is None else {"Authorization": header}
    return (client or Client()).get(PATH, headers=headers)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_a_good_token_signs_its_owner_in(issue: Issue, owner: User, scheme: str) -> None:
    token, value = issue()
    response = call(f"{scheme} {value}")
    assert response.status_code == 200
    assert response.json()["identifier"] == token.identifier
    assert response.json()["owner"] == {"id": owner.pk, "email": owner.email}
    assert response["Token-Expires-At"] == f"{token.expires_at:%Y-%m-%dT%H:%M:%SZ}"
    assert "Authorization" in response["Vary"]


# The header ({} stands for a good token), the code, a part of the detail
REFUSALS = [
    (None, "missing_credentials", "Authorization: Bearer <token>"),
    ("", "missing_credentials", "Authorization: Bearer <token>"),
    ("Basic dXNlcjpwYXNz", "missing_credentials", "Authorization: Bearer <token>"),
    (
        "basic dXNlcjpwYXNz",
        "missing_credentials",
        "begins with `Basic`, not `Bearer`: curl and Python's requests take",
    ),
    ("Basic dXNlcjpwYXNz", "missing_credentials", "~/.netrc"),
    (
        "Token {}",
        "missing_credentials",
        "not begin with `Bearer`. Send the header `Authorization: Bearer <token>`",
    ),
    ("{}", "missing_credentials", "does not begin with `Bearer`"),
    ("Bearer", "malformed_header", "no token after it"),
    ("Bearer ", "malformed_header", "no token after it"),
    ("Bearer a b", "malformed_header", "extra spaces"),
    ("Bearer  {}", "malformed_header", "extra spaces"),
    ("Bearer Bearer {}", "malformed_header", "extra spaces"),
    ("Bearer {},Bearer {}", "malformed_header", "more than one value"),
    ("Bearer {}, Bearer {}", "malformed_header", "more than one value"),
    ("Basic abc,Bearer {}", "malformed_header", "more than one value"),
    ("Basic abc,Basic def", "malformed_header", "more than one value"),
    ("Bearer\t{}", "malformed_header", "not printable ASCII"),
    ("Bearer {}\x00", "malformed_header", "not printable ASCII"),
    ("Bearer t\xe9st", "malformed_header", "not printable ASCII"),
    ("Bearer tëst – “quoted”", "malformed_header", "not printable ASCII"),
    (
        'Bearer "{}"',
        "malformed_token",
        "The token is in quotes or brackets. Send it without them.",
    ),
    (
        "Bearer $TOKENRY_TOKEN",
        "malformed_token",
        "the name of a variable or a placeholder. Send the token itself instead.",
    ),
    (
        "Bearer ${{ secrets.TOKENRY_TOKEN }}",
        "malformed_header",
        "a variable or a placeholder: send the token itself instead",
    ),
    (
        "Bearer <your token>",
        "malformed_header",
        "a variable or a placeholder: send the token itself instead",
    ),
    (
        "Bearer  {{ token }}",
        "malformed_header",
        "a variable or a placeholder: send the token itself instead",
    ),
    (
        "Bearer ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "malformed_token",
        "another kind of credential",
    ),
    ("Bearer " + "a" * 9216, "malformed_token", "another kind of credential"),
    ("Bearer {}" + "a" * 9216, "malformed_token", "too long: 9289 of 73"),
]


@pytest.mark.parametrize(("header", "code", "words"), REFUSALS)
def test_refused_without_a_query(
    issue: Issue,
    header: str | None,
    code: str,
    words: str,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    _, value = issue()
    with django_assert_num_queries(0):
        response = call(header and header.replace("{}", value))
    body = response.json()
    assert body["code"] == code
    assert words in body["detail"]
    assert response.status_code == body["status"] == {"malformed_header": 400}.get(code, 401)
    assert response["Content-Type"] == "application/problem+json"
    assert response["Cache-Control"] == "no-store"
    assert response["WWW-Authenticate"].startswith('Bearer realm="api"')
    assert value[24:] not in response.content.decode()


@pytest.mark.parametrize("position", [9, 30, 66, 72])
def test_one_character_changed_or_cut(issue: Issue, position: int) -> None:
    _, value = issue()
    other = "x" if value[position] != "x" else "y"
    changed = call(f"Bearer {value[:position]}{other}{value[position + 1 :]}").json()
    assert (changed["code"], "checksum" in changed["detail"]) == ("malformed_token", True)
    cut = call(f"Bearer {value[:position]}{value[position + 1 :]}").json()
    assert (cut["code"], "72 of 73" in cut["detail"]) == ("malformed_token", True)


def test_unknown_identifier_and_wrong_secret_answer_alike(issue: Issue) -> None:
    token, _ = issue()
    elsewhere = credentials.generate("tkn", "live").value
    body = token.identifier + "0" * credentials.SECRET_LENGTH
    answers = []
    for value in (elsewhere, body + credentials.checksum(body)):
        response = call(f"Bearer {value}")
        assert (response.status_code, response.json()["code"]) == (401, "unknown_token")
        differing = {"Content-Length", "Link"}  # the Link contains the reference
        headers = {name: text for name, text in response.items() if name not in differing}
        answers.append((re.sub(rb"denial:[0-9a-f]{16}", b"", response.content), headers))
    assert answers[0] == answers[1]


def test_a_refused_secret_learns_nothing_of_the_tokens_state(issue: Issue) -> None:
    token, _ = issue()
    token.revoke()
    body = token.identifier + "0" * credentials.SECRET_LENGTH
    assert call(f"Bearer {body + credentials.checksum(body)}").json()["code"] == "unknown_token"


def test_revoked(issue: Issue) -> None:
    token, value = issue()
    assert call(f"Bearer {value}").status_code == 200
    token.revoke()
    response = call(f"Bearer {value}")
    assert (response.status_code, response.json()["code"]) == (401, "revoked_token")
    assert f"{token.revoked_at:%H:%M:%S}" in response.json()["detail"]


def test_expired_at_the_instant(issue: Issue) -> None:
    expires_at = timezone.now() + timedelta(days=1)
    _, value = issue(expires_at=expires_at)
    with time_machine.travel(expires_at - timedelta(microseconds=1), tick=False):
        assert call(f"Bearer {value}").status_code == 200
    with time_machine.travel(expires_at, tick=False):
        response = call(f"Bearer {value}")
    assert (response.status_code, response.json()["code"]) == (401, "expired_token")
    assert f"{expires_at:%H:%M:%S}" in response.json()["detail"]


def test_inactive_owner(issue: Issue, owner: User) -> None:
    _, value = issue()
    owner.is_active = False
    owner.save()
    response = call(f"Bearer {value}")
    assert (response.status_code, response.json()["code"]) == (401, "inactive_owner")


def test_deleted_owner(issue: Issue, owner: User) -> None:
    _, value = issue()
    owner.delete()
    assert call(f"Bearer {value}").json()["code"] == "unknown_token"


def test_another_prefix_is_another_installation(
    issue: Issue, token_settings: TokenSettings
) -> None:
    _, value = issue()
    token_settings.PREFIX = ("acme",)
    assert call(f"Bearer {value}").json()["code"] == "malformed_token"


def test_no_answer_from_the_database_is_never_free_passage(
    issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, value = issue()

    def fail(*_: object, **__: object) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr("tokens.authentication.lookup.fetch_row", fail)
    response = call(f"Bearer {value}")
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert int(response["Retry-After"]) > 0


@pytest.mark.parametrize("where", ["query", "body", "cookie"])
def test_a_token_elsewhere_signs_nobody_in(issue: Issue, where: str) -> None:
    _, value = issue()
    client = Client()
    if where == "cookie":
        client.cookies["Authorization"] = f"Bearer {value}"
    parameters = {"access_token": value} if where == "query" else {}
    response = client.get(PATH, parameters)
    if where == "body":
        response = client.delete(PATH, {"access_token": value}, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (401, "missing_credentials")


def test_a_browser_session_signs_nobody_in(owner_client: Client) -> None:
    response = call(None, owner_client)
    assert (response.status_code, response.json()["code"]) == (401, "missing_credentials")


def test_one_query_and_no_write(
    issue: Issue, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    token, value = issue()
    with django_assert_num_queries(1):
        assert call(f"Bearer {value}").status_code == 200
    recorder.flush()
    token.refresh_from_db()
    assert token.last_used_at is not None
    assert token.last_used_address == "127.0.0.1"


def test_a_refused_request_is_no_use(issue: Issue) -> None:
    token, value = issue()
    token.revoke()
    call(f"Bearer {value}")
    recorder.flush()
    token.refresh_from_db()
    assert token.last_used_at is None


def test_delete_revokes_itself_at_once(issue: Issue, owner: User) -> None:
    token, value = issue()
    response = Client().delete(PATH, headers=bearer(value))
    assert (response.status_code, response.content) == (204, b"")
    assert call(f"Bearer {value}").json()["code"] == "revoked_token"
    event = token.events.first()
    assert event is not None
    assert (event.kind, event.actor) == ("revoked", owner)


def test_what_a_token_learns_of_itself(issue: Issue) -> None:
    token, value = issue(environment="test")
    body = call(f"Bearer {value}").json()
    assert set(body) == {
        "identifier", "name", "description", "environment", "scopes", "pending_scopes",
        "allowed_addresses", "rate_limit", "status", "created_at", "expires_at", "last_used_at",
        "owner", "owner_leaves_at",
    }  # fmt: skip
    assert (body["environment"], body["status"]) == ("test", "active")
    assert token.digest not in str(body)


def test_the_oldest_token_of_a_thousand_costs_one_query(
    issue: Issue, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    token, value = issue()
    Token.objects.bulk_create(
        Token(
            owner=owner, name=str(n), environment="live", identifier=f"tkn_live_{n:015}",
            digest="0" * 64, pepper=1, expires_at=token.expires_at,
        )
        for n in range(1000)
    )  # fmt: skip
    with django_assert_num_queries(1):
        assert call(f"Bearer {value}").status_code == 200
