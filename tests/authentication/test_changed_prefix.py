"""TOKEN_PREFIX as a list: new tokens get the first prefix, and tokens with each one are read."""

from base64 import b64encode
from typing import Any

import pytest
from django.test import Client

from tests.api.test_introspection import FORM
from tests.conftest import Issue, bearer, page_of
from tests.management.test_issue import run
from tests.values import token_value
from tokens.authentication import credentials
from tokens.models import Token
from tokens.token_settings import TokenSettings
from tokens.troubleshooting.parser import parse_pasted

BOTH = ("acme", "tkn")
SIX = "acme_live_, acme_test_, acme_dev_, tkn_live_, tkn_test_ or tkn_dev_"


@pytest.fixture
def old(issue: Issue, token_settings: TokenSettings) -> str:
    """Return the value of a token from before the prefix changed to acme; both are read."""
    _, value = issue()
    token_settings.PREFIX = BOTH
    return value


def call(value: str) -> Any:
    return Client().get("/api/v1/token", headers=bearer(value))


def test_the_first_issues_and_all_are_read(old: str, issue: Issue) -> None:
    _, new = issue()
    assert new.startswith("acme_live_")
    assert [call(value).status_code for value in (old, new)] == [200, 200]


def test_oauth_clients_present_both(old: str, issue: Issue) -> None:
    caller, value = issue(scopes=["tokens:introspect"])
    basic = b64encode(f"{caller.identifier}:{value}".encode()).decode()
    for each in (old, value):
        answer = Client().post(
            "/api/v1/introspect",
            f"token={each}",
            content_type=FORM,
            headers={"Authorization": f"Basic {basic}"},
        )
        assert answer.json()["active"] is True


def test_a_refusal_names_all() -> None:
    with pytest.raises(credentials.MalformedToken, match=f"tokens here begin with {SIX}$"):
        credentials.parse(token_value("ghp"), BOTH)
    with pytest.raises(credentials.MalformedToken, match="in quotes"):
        credentials.parse(f'"{token_value("tkn")}"', BOTH)


@pytest.mark.parametrize("prefix", BOTH)
@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("Authorization: Bearer {}", 0),
        ("Authorization: Bearer{}", 1),
        ("Authorization: Bearer Bearer {}", 1),
    ],
)
def test_troubleshoot_knows_all(prefix: str, text: str, errors: int) -> None:
    value = credentials.generate(prefix, "live").value
    reading = parse_pasted(text.format(value), BOTH)
    assert reading.credential == credentials.parse(value, BOTH)
    assert len(reading.errors) == errors


def test_troubleshoot_names_all() -> None:
    (error,) = parse_pasted(token_value("xyz"), BOTH).errors
    assert (
        error.what
        == f"It begins like a token of another installation: tokens here begin with {SIX}."
    )


@pytest.mark.django_db
def test_help_names_all(client: Client, token_settings: TokenSettings) -> None:
    token_settings.PREFIX = (*BOTH, "old")
    page = page_of(client.get("/help/"))
    assert "begins with <code>acme_</code>. Tokens that begin with <code>tkn_</code> or " in page
    assert "<code>tkn_</code> or <code>old_</code> work too." in page
    assert (
        "begin with <code>acme_test_</code> or <code>tkn_test_</code> or <code>old_test_</code>"
        in page
    )


@pytest.mark.parametrize(
    ("prefixes", "missing"), [(("acme", "tkn"), ""), (("acme", "tk"), "tkn"), (("acme",), "tkn")]
)
def test_tokens_that_no_prefix_reads(
    old: str, token_settings: TokenSettings, prefixes: tuple[str, ...], missing: str
) -> None:
    token_settings.PREFIX = prefixes
    assert Token.objects.missing_prefix() == missing
    Token.objects.get().revoke()
    assert Token.objects.missing_prefix() == ""


@pytest.mark.django_db
def test_the_list_tells_that_they_are_refused(old: str, token_settings: TokenSettings) -> None:
    assert run("list")[1] == ""
    token_settings.PREFIX = ("acme",)
    assert (
        run("list")[1]
        == "TOKEN_PREFIX lacks tkn: requests with tokens that begin like this are refused.\n"
    )
