"""`manage.py token list` and `show`."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.conftest import Issue
from tests.notifications.test_emails import HOSTILE
from tokens.management.inventory import HEADINGS
from tokens.models import Token
from tokens.token_settings import TokenSettings


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("token", *arguments, stdout=out)
    return out.getvalue()


def names(*arguments: str) -> list[str]:
    return [token["name"] for token in json.loads(run("list", *arguments, "--json"))]


@pytest.fixture
def two(issue: Issue, teammate: User) -> Token:
    issue(name="theirs", owner=teammate)
    return issue(name="mine", environment="test")[0]


def test_list_for_people(two: Token) -> None:
    Token.objects.update(
        created_at=datetime(2026, 1, 2, tzinfo=UTC), expires_at=datetime(2100, 3, 4, tzinfo=UTC)
    )
    head, mine, theirs = run("list").splitlines()
    assert head.split() == " ".join(HEADINGS).split()
    assert mine.split() == [
        two.identifier, "mine", "owner@example.com", "Staging", "Active",
        "2026-01-02", "2100-03-04", "never",
    ]  # fmt: skip
    assert theirs.index("teammate@") == head.index("OWNER") == mine.index("owner@")


def test_list_of_one_person(two: Token) -> None:
    assert names() == ["mine", "theirs"]
    assert names("--user", "Owner@Example.com") == ["mine"]
    with pytest.raises(CommandError, match=r"No account has the email nobody@example\.com\."):
        run("list", "--user", "nobody@example.com")


def test_list_of_nothing(db: None) -> None:
    assert run("list") == "No tokens.\n"
    assert names() == []


def test_over_policy(issue: Issue, token_settings: TokenSettings) -> None:
    for name, days in {"long": 91, "just": 90, "short": 7}.items():
        token, _ = issue(name=name)
        Token.objects.filter(pk=token.pk).update(expires_at=token.created_at + timedelta(days))
    issue(name="revoked", expires_at=datetime(2100, 1, 1, tzinfo=UTC))[0].revoke()
    token_settings.MAX_TOKEN_LIFETIME_DAYS = 90
    assert names("--over-policy") == ["long"]
    token_settings.MAX_TOKEN_LIFETIME_DAYS = None
    with pytest.raises(CommandError, match="no lifetime is too long"):
        run("list", "--over-policy")


def test_list_needs_one_query(
    two: Token, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        run("list")


def test_show(two: Token, token_settings: TokenSettings) -> None:
    Token.objects.update(expires_at=datetime(2100, 3, 4, 5, 6, 7, tzinfo=UTC))
    lines = dict(line.split(":", 1) for line in run("show", two.identifier).splitlines())
    assert {name: value.strip() for name, value in lines.items()} | {"created": ""} == {
        "identifier": two.identifier, "name": "mine", "owner": "owner@example.com",
        "environment": "Staging", "status": "Active", "scopes": "none",
        "allowed addresses": "anywhere", "rate limit": token_settings.RATE_LIMIT, "created": "",
        "expires": "2100-03-04 05:06:07 UTC", "last used": "never",
    }  # fmt: skip
    facts: dict[str, Any] = json.loads(run("show", two.identifier, "--json"))
    assert (facts["identifier"], facts["status"], facts["owner"]["email"]) == (
        two.identifier, "active", "owner@example.com",
    )  # fmt: skip


def test_no_secret_is_shown(issue: Issue) -> None:
    token, value = issue()
    with pytest.raises(CommandError) as failed:
        run("show", value)
    assert value[24:] not in str(failed.value)
    assert token.identifier in str(failed.value)
    assert token.digest not in run("list", "--json") + run("list") + run("show", token.identifier)


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names(issue: Issue, name: str) -> None:
    token, _ = issue(name=f"\x1b[2J{name}"[:100])
    for printed in (run("list"), run("show", token.identifier)):
        assert not {"\x1b", "\r", "\u202e"} & set(printed)
    assert len(run("list").splitlines()) == 2
    assert names() == [token.name]
