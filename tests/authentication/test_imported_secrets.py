"""Old values of imported tokens stay secret, and their slow hashes take few threads."""

import io
import logging
from contextvars import Context

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.test import Client

from accounts.models import User
from tests.authentication.test_imported_tokens import VALUE, code_of, imported, post_form, send
from tokens.authentication import imported_lookup, imported_values
from tokens.authentication.pipeline import Decision
from tokens.authentication.policy import Requirement
from tokens.authentication.requests import record_decision
from tokens.core import redaction, slow_hashing
from tokens.core.redaction import RedactingFormatter
from tokens.models import Event, ForeignCredential, ImportedToken, RecentRequest, Source, Token
from tokens.token_settings import TokenSettings
from tokens.usage.recorder import recorder
from tokens.usage.request_record import RequestRecord

pytestmark = [pytest.mark.services, pytest.mark.django_db]
API_KEY = "Ab3dEf9h.0123456789abcdefghijABCDEFGHIJ12"


@pytest.fixture(autouse=True)
def places(token_settings: TokenSettings) -> None:
    """Accept imported tokens with two schemes and in one header."""
    redaction.hide_nothing()
    token_settings.LEGACY_SCHEMES = "Token, Api-Key"  # type: ignore[assignment]
    token_settings.LEGACY_HEADERS = "X-Api-Key"  # type: ignore[assignment]


@pytest.fixture
def slow(owner: User) -> Token:
    """A key of an old release of djangorestframework-api-key."""
    hashed = PBKDF2PasswordHasher().encode(API_KEY, "salt", 1000)
    return imported(owner, ForeignCredential(imported_values.prefix_key("Ab3dEf9h"), None, hashed))


def test_a_slow_hash_is_computed_once(slow: Token, monkeypatch: pytest.MonkeyPatch) -> None:
    assert send(f"Api-Key {API_KEY}x").status_code == 401
    assert send(f"Api-Key {API_KEY}").status_code == 200
    recorder.flush()
    monkeypatch.setattr(imported_lookup, "PBKDF2PasswordHasher", None)
    assert send(f"Api-Key {API_KEY}").status_code == 200
    assert ImportedToken.objects.get().slow_hash == ""


def test_slow_hashes_take_few_threads(slow: Token, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise anybody who knows the beginning of a key could keep all threads waiting."""
    monkeypatch.setattr(imported_lookup, "SLOW_HASH_WAIT_SECONDS", 600)
    places = imported_lookup.slow_hash_places
    with slow_hashing.hashing_lock, places, places:
        answer = send(f"Api-Key {API_KEY}")
    assert (answer.status_code, code_of(answer)) == (503, "unavailable")
    assert send(f"Api-Key {API_KEY}").status_code == 200


def test_a_slow_hash_waits_only_for_a_moment(slow: Token, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imported_lookup, "SLOW_HASH_WAIT_SECONDS", 0)
    with slow_hashing.hashing_lock:
        answer = send(f"Api-Key {API_KEY}")
    assert (answer.status_code, code_of(answer)) == (503, "unavailable")


@pytest.mark.parametrize("value", ["ab%00cd.0123456789", "1%002|0123456789", "%C3%A9.0123456789"])
def test_a_form_may_have_any_characters(value: str) -> None:
    answer = post_form("/api/v1/revoke", value)
    assert (answer.status_code, answer.json()) == (200, {})


def test_logs_of_the_request_hide_the_value(owner: User) -> None:
    imported(owner)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(RedactingFormatter("%(message)s"))
    log = logging.getLogger("a.view")
    log.addHandler(handler)
    try:
        assert send(f"Token {VALUE}").status_code == 200
        log.error("the client sent %s", VALUE)
    finally:
        log.removeHandler(handler)
    assert stream.getvalue() == "the client sent •••\n"


def test_a_request_hides_all_its_values_and_none_of_the_one_before(owner: User) -> None:
    imported(owner, scopes=["tokens:introspect"])
    other = f"{VALUE}-of-somebody-else"
    post_form("/api/v1/introspect", other, authorization=f"Token {VALUE}")
    assert redaction.redact(f"{VALUE} {other}") == "••• •••"
    send("Token failures-of-203.0.113.99", **{"x-api-key": "two words"})
    assert redaction.redact("two words: failures-of-203.0.113.99") == "•••: •••"
    Client().get("/healthz")
    assert redaction.redact("failures-of-203.0.113.99") == "failures-of-203.0.113.99"


def test_the_row_of_a_request_lacks_the_value(owner: User) -> None:
    imported(owner)
    sent = {"x-original-uri": f"/orders%2F{VALUE}", "user-agent": f"old/1 ({VALUE})"}
    for headers in [{"authorization": f"Token {VALUE}"}, {"x-api-key": VALUE}]:
        assert Client().get("/verify", headers=headers | sent).status_code == 200
    Context().run(recorder.flush)  # as in the thread of the recorder
    for row in RecentRequest.objects.all():
        assert (VALUE in row.path, row.user_agent) == (False, "old/1 (•••)")


def test_an_unknown_value_does_not_hide_the_path() -> None:
    record = RequestRecord({}, "GET", "/api/v1/introspect")
    redaction.hide("/api/v1/introspect")
    record_decision(record, Requirement(), Decision())
    assert record.path == "/api/v1/introspect"


def test_an_event_names_the_source(owner: User) -> None:
    token = imported(owner, source=Source.KNOX)
    event = Event.objects.get()
    assert (event.kind, event.detail) == ("imported", "from django-rest-knox")
    assert event.identifier == token.identifier
    assert VALUE not in str(vars(event))
