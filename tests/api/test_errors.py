"""Every failure under these routes has the one form, and says what there is to say."""

import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.api.conftest import JSON, Caller
from tests.conftest import bearer

FORM = "application/x-www-form-urlencoded"
SMALL = '{"name": "x"}'
LARGE = '{"name": "%s"}' % ("x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
DEEP = "[" * 100_000
ONE = "tokens/" + "x" * 24


def send(caller: Caller, method: str, path: str, body: str, content_type: str) -> Any:
    client = Client(raise_request_exception=False)
    return client.generic(
        method, f"/api/v1/{path}", body, content_type=content_type, headers=bearer(caller.value)
    )


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        # Not JSON
        (("POST", "tokens", "{", JSON), 400, "bad_request"),
        (("POST", "tokens", "\xff", JSON), 400, "bad_request"),
        (("POST", "tokens", DEEP, JSON), 400, "bad_request"),
        (("POST", "token/renew", "{]", JSON), 400, "bad_request"),
        (("PATCH", ONE, "name=x", JSON), 400, "bad_request"),
        # Nothing where a body is needed
        (("POST", "tokens", "", JSON), 422, "invalid_request"),
        (("PATCH", ONE, "", JSON), 422, "invalid_request"),
        # Of another type
        (("POST", "tokens", SMALL, "text/plain"), 415, "unsupported_media_type"),
        (("POST", "tokens", SMALL, ""), 415, "unsupported_media_type"),
        (("PATCH", ONE, SMALL, FORM), 415, "unsupported_media_type"),
        (("POST", "token/renew", "overlap=1h", FORM), 415, "unsupported_media_type"),
        (("POST", "introspect", '{"token": "x"}', JSON), 415, "unsupported_media_type"),
        (("POST", "revoke", '{"token": "x"}', JSON), 415, "unsupported_media_type"),
        (
            ("POST", "revoke", "--x--", "multipart/form-data; boundary=x"),
            415,
            "unsupported_media_type",
        ),
        # In an encoding that forms do not have
        (("POST", "revoke", "token=x", f"{FORM}; charset=utf-7"), 400, "bad_request"),
        # Too large
        (("POST", "tokens", LARGE, JSON), 413, "content_too_large"),
        (("POST", "revoke", "token=" + LARGE, FORM), 413, "content_too_large"),
        # Nowhere
        (("GET", "nowhere", "", JSON), 404, "not_found"),
        (("GET", "", "", JSON), 404, "not_found"),
        (("GET", "tokens/", "", JSON), 404, "not_found"),
        (("GET", "tokens/short", "", JSON), 404, "not_found"),
        (("GET", ONE, "", JSON), 404, "not_found"),
        (("GET", "tokens/%00", "", JSON), 404, "not_found"),
    ],
)
def test_one_form(caller: Caller, call: tuple[str, str, str, str], status: int, code: str) -> None:
    answer = send(caller, *call)
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Cache-Control"] == "no-store"
    assert re.fullmatch(r"urn:tokenry:denial:[0-9a-f]{16}", problem["instance"])
    if status == 415:
        assert answer["Accept"] in problem["detail"]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("token", {"GET", "HEAD", "DELETE"}),
        ("token/renew", {"POST"}),
        ("tokens", {"GET", "HEAD", "POST"}),
        (ONE, {"GET", "HEAD", "PATCH", "DELETE"}),
        ("introspect", {"POST"}),
        ("revoke", {"POST"}),
    ],
)
def test_methods(caller: Caller, path: str, allowed: set[str]) -> None:
    for method in {
        "GET",
        "POST",
        "PUT",
        "PATCH",
        "DELETE",
        "OPTIONS",
        "TRACE",
        "PROPFIND",
    } - allowed:
        answer = send(caller, method, path, SMALL, JSON)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed"), method
        assert set(answer["Allow"].split(", ")) == allowed
        assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["token", "token/renew", "tokens", ONE, "introspect"])
def test_who_is_asked_first(path: str, db: None) -> None:
    """A stranger learns neither which methods there are nor what a body looks like."""
    for method in ("GET", "POST", "OPTIONS"):
        answer = Client().generic(method, f"/api/v1/{path}", "{", content_type=JSON)
        assert (answer.status_code, answer.json()["code"]) == (401, "missing_credentials")


def test_many_faults_are_not_all_told(caller: Caller) -> None:
    long = "x" * 5_000
    answers = [
        caller("POST", "tokens", {f"{long}{number}": 1 for number in range(30)}),
        caller("GET", f"tokens?{'&'.join(f'f{number}=' for number in range(500))}"),
    ]
    for answer in answers:
        problem = answer.json()
        assert problem["code"] == "invalid_request"
        assert len(problem["errors"]) == 20
        assert len(answer.content) < 10_000


def test_a_body_that_nobody_asked_for_is_not_read(caller: Caller) -> None:
    assert send(caller, "GET", "token", LARGE, "text/plain").status_code == 200


def test_a_limited_token(caller: Caller) -> None:
    caller.token.set_rate_limit("1/hour")
    caller("GET", "tokens")
    answer = caller("GET", "tokens")
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert int(answer["Retry-After"]) > 0
