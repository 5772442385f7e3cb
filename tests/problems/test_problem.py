"""Problems have the form of RFC 9457 and RFC 6750."""

import re
from datetime import UTC, datetime

import pytest

from tests.values import challenge
from tokens.problems import problem
from tokens.problems.problem import TYPES, Problem


@pytest.mark.parametrize("code", TYPES)
def test_every_type_has_the_same_form(code: str) -> None:
    found = Problem(code, "Words.")
    body = found.as_dict()
    assert list(body) == ["type", "title", "status", "detail", "code", "instance"]
    assert body["status"] == found.status
    assert re.fullmatch(r"urn:tokenry:denial:[0-9a-f]{16}", str(body["instance"]))
    headers = found.response_headers()
    assert headers["Cache-Control"] == "no-store"
    assert ("WWW-Authenticate" in headers) == (
        found.status == 401 or code in {"malformed_header", "insufficient_scope"}
    )


LACKS = (
    "The token lacks the {}. Its owner can add what is missing under Settings, API tokens; "
    "if it is not offered there"
)
LAPSED = (
    "The token can't use {} now: its owner is outside the scope's group, or the scope was deleted."
)


@pytest.mark.parametrize(
    ("held", "own", "said", "unsaid"),
    [
        ([], [], [LACKS.format("scopes a:b and c:d")], "group"),
        (["a:b"], ["a:b"], [LACKS.format("scope c:d")], "group"),
        ([], ["a:b"], [LACKS.format("scope c:d"), LAPSED.format("a:b")], "c:d and"),
        ([], ["a:b", "c:d"], [LAPSED.format("a:b and c:d")], "can add"),
    ],
)
def test_which_scopes_are_lacking_and_which_do_not_count(
    held: list[str], own: list[str], said: list[str], unsaid: str
) -> None:
    found = problem.insufficient_scope(["a:b", "c:d"], held, own)
    assert all(words in found.detail for words in said)
    assert unsaid not in found.detail
    assert 'scope="a:b c:d"' in found.response_headers()["WWW-Authenticate"]


def test_missing_credentials_carry_no_error_code() -> None:
    """The answer to a request without credentials has no error code (RFC 6750 section 3.1)."""
    headers = problem.missing_credentials().response_headers()
    assert headers["WWW-Authenticate"] == challenge()


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
def test_the_challenge_names_the_error(code: str, error: str) -> None:
    assert f'error="{error}"' in Problem(code, "Words.").response_headers()["WWW-Authenticate"]


@pytest.mark.parametrize("code", TYPES)
def test_the_challenge_of_each_401_names_the_metadata_and_no_other_does(code: str) -> None:
    found = Problem(code, "Words.", challenge=', Basic realm="api"')
    sent = found.response_headers().get("WWW-Authenticate", "")
    if found.status == 401:
        _, title, error = found.problem_type
        words = [f'error="{error}"', f'error_description="{title}"'] if error else []
        assert sent == challenge(*words) + ', Basic realm="api"'
    else:
        assert "resource_metadata" not in sent


def test_references_differ() -> None:
    assert len({Problem("not_found", "Words.").reference for _ in range(100)}) == 100


def test_a_proven_token_learns_when() -> None:
    expired, revoked, renewed = (
        datetime(2026, 11, day, 9, 30, 5, tzinfo=UTC) for day in (1, 2, 3)
    )
    assert (
        "1 November 2026 at 09:30:05 UTC"
        in problem.invalid_token("expired_token", expired, None, None).detail
    )
    assert (
        "2 November 2026 at 09:30:05 UTC"
        in problem.invalid_token("revoked_token", expired, revoked, None).detail
    )
    renewal = problem.invalid_token("expired_token", expired, None, renewed).detail
    assert (
        "It was renewed on 3 November 2026 at 09:30:05 UTC: use the token that replaced it."
        in renewal
    )


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
    found = problem.for_status(status)
    assert (found.code, found.status) == (code, status)
