"""Requests with imported tokens: their old values, schemes and headers, until they end."""

from base64 import b64encode
from datetime import timedelta
from hashlib import sha256, sha512
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.api.test_introspection import FORM
from tests.conftest import Issue, bearer
from tokens.authentication import imported_values
from tokens.models import ForeignCredential, ImportedToken, Source, Token
from tokens.token_settings import TokenSettings
from tokens.troubleshooting.report import diagnose
from tokens.usage.recorder import recorder

pytestmark = [pytest.mark.services, pytest.mark.django_db]
VALUE = "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b"
API_KEY = "Ab3dEf9h.0123456789abcdefghijABCDEFGHIJ12"
URL = "/api/v1/token"


@pytest.fixture(autouse=True)
def places(token_settings: TokenSettings) -> None:
    """Accept imported tokens with three schemes and in one header."""
    token_settings.LEGACY_SCHEMES = "Token, Api-Key, Bearer"  # type: ignore[assignment]
    token_settings.LEGACY_HEADERS = "X-Api-Key"  # type: ignore[assignment]


def imported(owner: User, credential: ForeignCredential | None = None, **fields: Any) -> Token:
    settings: dict[str, Any] = {
        "owner": owner,
        "source": Source.FILE,
        "name": "Old service",
        "environment": "live",
        "expires_at": timezone.now() + timedelta(days=30),
    }
    made = ImportedToken.objects.add(
        credential or ForeignCredential.of(VALUE), **(settings | fields)
    )
    assert made
    return made


def send(header: str, **more: str) -> Any:
    return Client().get(URL, headers={"authorization": header, **more})


def post_form(path: str, value: str, **headers: str) -> Any:
    return Client().post(path, f"token={value}", content_type=FORM, headers=headers)


def code_of(answer: Any) -> str:
    return str(answer.json()["code"])


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Token {VALUE}"},
        {"authorization": f"token {VALUE}"},
        {"authorization": f"Api-Key {VALUE}"},
        {"authorization": f"Bearer {VALUE}"},
        {"x-api-key": VALUE},
    ],
)
def test_old_clients_get_200_and_are_counted(owner: User, headers: dict[str, str]) -> None:
    token = imported(owner)
    answer = Client().get(URL, headers=headers)
    assert (answer.status_code, answer.json()["identifier"]) == (200, token.identifier)
    assert answer["X-RateLimit-Remaining"] == "999"
    assert answer["Vary"] == "Authorization, X-Api-Key"  # a cache must not mix up clients
    recorder.flush()
    token.refresh_from_db()
    assert token.last_used_at is not None


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (f"Token {VALUE}x", "unknown_token"),
        (f"Token {VALUE[:-1]}", "unknown_token"),
        (f"Token {'a' * 2000}", "unknown_token"),
        (f"Bearer {VALUE}x", "unknown_token"),
        ("Bearer tkn_live_short", "malformed_token"),
        (f"Token {VALUE} {VALUE}", "malformed_header"),
        (f"Token {VALUE},{VALUE}", "malformed_header"),
        ("Token", "malformed_header"),
        ("Token tkn_live_4mQ7wXb2ZpT9c1K", "missing_credentials"),
        (f"Digest {VALUE}", "missing_credentials"),
        (f"Basic {VALUE}", "missing_credentials"),
    ],
)
def test_other_headers_are_refused(owner: User, header: str, code: str) -> None:
    imported(owner)
    assert code_of(send(header)) == code


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"authorization": f"Token {VALUE}"}, "missing_credentials"),
        ({"authorization": f"Bearer {VALUE}"}, "malformed_token"),
        ({"x-api-key": VALUE}, "missing_credentials"),
    ],
)
def test_without_the_settings_nothing_is_accepted(
    owner: User, token_settings: TokenSettings, headers: dict[str, str], code: str
) -> None:
    imported(owner)
    token_settings.LEGACY_SCHEMES = token_settings.LEGACY_HEADERS = ()
    assert code_of(Client().get(URL, headers=headers)) == code
    assert post_form("/api/v1/revoke", VALUE).status_code == 200
    assert not Token.objects.get().revoked_at


def test_a_token_of_ours_pays_nothing(
    issue: Issue, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    value = issue()[1]
    Client().get(URL, headers=bearer(value))
    with django_assert_num_queries(1):
        mistyped = value[:-1] + ("1" if value.endswith("0") else "0")
        assert Client().get(URL, headers=bearer(mistyped)).status_code == 401
        assert Client().get(URL, headers=bearer(value)).status_code == 200


def test_the_authorization_header_comes_before_others(owner: User, issue: Issue) -> None:
    imported(owner)
    token, value = issue()
    answer = send(f"Bearer {value}", **{"x-api-key": VALUE})
    assert answer.json()["identifier"] == token.identifier


def test_a_token_that_has_ended_says_why(owner: User) -> None:
    token = imported(owner)
    Token.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert code_of(send(f"Token {VALUE}")) == "expired_token"
    token.revoke()
    assert code_of(send(f"Token {VALUE}")) == "revoked_token"
    User.objects.update(is_active=False)
    Token.objects.update(revoked_at=None, expires_at=timezone.now() + timedelta(days=1))
    assert code_of(send(f"Token {VALUE}")) == "inactive_owner"


HASHED = {
    "sha256": imported_values.hash_key("sha256", sha256(VALUE.encode()).hexdigest()),
    "sha512": imported_values.hash_key("sha512", sha512(VALUE.encode()).hexdigest()),
    "older knox": imported_values.hash_key("sha512", sha512(bytes.fromhex(VALUE)).hexdigest()),
}


@pytest.mark.parametrize("key", HASHED.values(), ids=HASHED)
def test_a_hash_is_replaced_by_ours_at_the_first_use(owner: User, key: str) -> None:
    token = imported(owner, ForeignCredential(key))
    assert token.digest == ""
    for _ in range(2):
        assert send(f"Token {VALUE}").status_code == 200
        recorder.flush()
    token.refresh_from_db()
    assert (token.is_proven_by(VALUE), token.is_proven_by(VALUE[1:])) == (True, False)
    assert token.imported.key == imported_values.key_of(VALUE)
    assert imported_again(owner, ForeignCredential(key)) is None
    assert imported_again(owner, ForeignCredential.of(VALUE)) is None


def test_another_spelling_of_a_value_does_not_lock_its_clients_out(owner: User) -> None:
    imported(owner, ForeignCredential(HASHED["older knox"]))
    assert code_of(send(f"Token {VALUE.upper()}")) == "unknown_token"
    recorder.flush()
    assert send(f"Token {VALUE}").status_code == 200


def imported_again(owner: User, credential: ForeignCredential) -> Token | None:
    return ImportedToken.objects.add(
        credential,
        owner=owner,
        source=Source.FILE,
        name="Again",
        environment="live",
        expires_at=timezone.now() + timedelta(days=30),
    )


def test_one_value_under_two_keys_stays_two_tokens(owner: User) -> None:
    first = imported(owner, ForeignCredential(HASHED["sha512"]))
    second = imported(owner)
    for _ in range(2):
        assert send(f"Token {VALUE}").status_code == 200
        recorder.flush()
    keys = set(ImportedToken.objects.values_list("token", "key"))
    assert keys == {(first.pk, HASHED["sha512"]), (second.pk, HASHED["sha256"])}


@pytest.mark.parametrize("value", ["12|secret-of-sanctum", "13|secret-of-sanctum"])
def test_a_token_of_sanctum_needs_its_number(owner: User, value: str) -> None:
    digest = sha256(b"secret-of-sanctum").hexdigest()
    imported(owner, ForeignCredential(imported_values.sanctum_key("12", digest)))
    assert send(f"Bearer {value}").status_code == (200 if value.startswith("12") else 401)


def test_a_renewal_makes_a_token_of_ours(owner: User) -> None:
    old = imported(owner, scopes=["tokens:renew"])
    answer = Client().post(
        f"{URL}/renew",
        {},
        content_type="application/json",
        headers={"authorization": f"Token {VALUE}"},
    )
    assert answer.status_code == 201
    new = Token.objects.exclude(pk=old.pk).get()
    assert not ImportedToken.objects.filter(token=new).exists()
    assert Client().get(URL, headers=bearer(answer.json()["token"])).status_code == 200
    assert send(f"Token {VALUE}").json()["status"] == "retiring"


def test_a_client_may_revoke_its_old_value(owner: User) -> None:
    imported(owner)
    assert post_form("/api/v1/revoke", VALUE).status_code == 200
    assert code_of(send(f"Token {VALUE}")) == "revoked_token"


def test_basic_takes_no_old_value(owner: User) -> None:
    imported(owner, scopes=["tokens:introspect"])
    basic = b64encode(f"{VALUE[:24]}:{VALUE}".encode()).decode()
    answer = post_form("/api/v1/introspect", VALUE, authorization=f"Basic {basic}")
    assert (answer.status_code, code_of(answer)) == (401, "malformed_token")


def test_introspection_knows_old_values(owner: User, issue: Issue) -> None:
    token = imported(owner)
    caller = bearer(issue(scopes=["tokens:introspect"])[1])
    answer = post_form("/api/v1/introspect", VALUE, **caller)
    assert answer.json()["client_id"] == token.identifier
    answer = post_form("/api/v1/introspect", f"{VALUE}x", **caller)
    assert answer.json() == {"active": False}


@pytest.mark.parametrize("headers", [{"authorization": f"Token {VALUE}"}, {"x-api-key": VALUE}])
def test_a_gateway_may_ask(owner: User, headers: dict[str, str]) -> None:
    token = imported(owner)
    answer = Client().get("/verify", headers=headers)
    assert (answer.status_code, answer["X-Auth-Token"]) == (200, token.identifier)


@pytest.mark.parametrize(
    "pasted",
    [VALUE, f"Authorization: Token {VALUE}", f'curl -H "X-Api-Key: {VALUE}" https://example.com'],
)
def test_the_troubleshoot_page_knows_old_values(owner: User, teammate: User, pasted: str) -> None:
    token = imported(owner)
    assert diagnose(owner, pasted, "").token == token
    assert diagnose(owner, pasted, "").works
    assert diagnose(teammate, pasted, "").token is None
