"""Refusals as RFC 9457 and RFC 6750 want them."""

import re
from datetime import UTC, datetime

import pytest

from tokens import denial
from tokens.denial import KINDS, Denial


@pytest.mark.parametrize("code", KINDS)
def test_every_kind_has_one_form(code: str) -> None:
    refused = Denial(code, "Words.")
    body = refused.problem()
    assert list(body) == ["type", "title", "status", "detail", "code", "instance"]
    assert body["status"] == refused.status
    assert re.fullmatch(r"urn:tokenry:denial:[0-9a-f]{16}", str(body["instance"]))
    headers = refused.response_headers()
    assert headers["Cache-Control"] == "no-store"
    assert ("WWW-Authenticate" in headers) == (
        refused.status == 401 or code in {"malformed_header", "insufficient_scope"}
    )


LACKS = "The token lacks the scope {}. Its owner can add it under Settings, API tokens; if it is not offered there"
LAPSED = "The token's scope {} does not count now: the owner is outside its group, or it was deleted."


@pytest.mark.parametrize(
    ("held", "own", "said", "unsaid"),
    [
        ([], [], [LACKS.format("a:b and c:d")], "group"),
        (["a:b"], ["a:b"], [LACKS.format("c:d")], "group"),
        ([], ["a:b"], [LACKS.format("c:d"), LAPSED.format("a:b")], "c:d and"),
        ([], ["a:b", "c:d"], [LAPSED.format("a:b and c:d")], "can add"),
    ],
)
def test_which_scopes_are_lacking_and_which_do_not_count(
    held: list[str], own: list[str], said: list[str], unsaid: str
) -> None:
    refused = denial.insufficient_scope(["a:b", "c:d"], held, own)
    assert all(words in refused.detail for words in said)
    assert unsaid not in refused.detail
    assert 'scope="a:b c:d"' in refused.response_headers()["WWW-Authenticate"]


def test_missing_credentials_carry_no_error_code() -> None:
    """RFC 6750 section 3.1: a request without credentials is told no error."""
    assert denial.missing_credentials().response_headers()["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("malformed_header", "invalid_request"),
        ("malformed_token", "invalid_token"),
        ("unknown_token", "invalid_token"),
        ("expired_token", "invalid_token"),
        ("revoked_token", "invalid_token"),
        ("inactive_owner", "invalid_token"),
    ],
)
def test_challenge(code: str, error: str) -> None:
    assert f'error="{error}"' in Denial(code, "Words.").response_headers()["WWW-Authenticate"]


def test_references_differ() -> None:
    assert len({Denial("not_found", "Words.").reference for _ in range(100)}) == 100


def test_a_proven_token_learns_when() -> None:
    expired, revoked, renewed = (datetime(2026, 11, day, 9, 30, 5, tzinfo=UTC) for day in (1, 2, 3))
    assert "1 November 2026 at 09:30:05 UTC" in denial.of_proven_token("expired_token", expired, None, None).detail
    assert "2 November 2026 at 09:30:05 UTC" in denial.of_proven_token("revoked_token", expired, revoked, None).detail
    renewal = denial.of_proven_token("expired_token", expired, None, renewed).detail
    assert "It was renewed on 3 November 2026 at 09:30:05 UTC: use the one that replaced it." in renewal


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "bad_request"),
        (403, "forbidden"),
        (404, "not_found"),
        (405, "method_not_allowed"),
        (500, "internal_error"),
    ],
)
def test_for_status(status: int, code: str) -> None:
    refused = denial.for_status(status)
    assert (refused.code, refused.status) == (code, status)
