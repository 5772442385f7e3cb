"""POST /api/v1/introspect with `address`, `scope` and `count`: what /verify would say."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.api.conftest import Caller
from tests.api.test_introspection import ask
from tests.conftest import Issue, bearer
from tokens.core.circuit_breaker import ServiceUnavailable
from tokens.models import Scope, Token
from tokens.rate_limits import counters
from tokens.token_settings import TokenSettings

NOT_USABLE = b'{"active": false}'
OFFICE = "10.0.0.0/8 2001:db8::/32"


@pytest.fixture
def scopes(db: None) -> None:
    names = ["reports:read", "reports:write"]
    Scope.objects.bulk_create(Scope(name=name, words=name) for name in names)


def left(token: Token) -> int:
    """Return how many requests the token's own limit still admits."""
    [(requests, _)] = counters.peek_token(token.limit_key, token.rate_limit).remaining
    return requests


@pytest.mark.parametrize(
    ("fields", "is_active"),
    [
        ("", True),
        ("&scope=", True),
        ("&scope=reports:read", True),
        ("&scope=reports:read+reports:read", True),
        ("&scope=reports:write", False),
        ("&scope=reports:read+reports:write", False),
        ("&scope=unknown:scope", False),
        ("&address=", True),
        ("&address=10.1.2.3", True),
        ("&address=::ffff:10.1.2.3", True),
        ("&address=2001:db8::7", True),
        ("&address=203.0.113.7", False),
        ("&address=10.1.2.3&scope=reports:read", True),
        ("&address=10.1.2.3&scope=reports:write", False),
        ("&address=203.0.113.7&scope=reports:read", False),
        ("&count=", True),
        ("&count=false", True),
        ("&count=true", True),
    ],
)
@pytest.mark.usefixtures("scopes")
def test_it_says_what_verify_would_say(
    caller: Caller, issue: Issue, fields: str, is_active: bool
) -> None:
    token, value = issue(scopes=["reports:read"])
    Token.objects.filter(pk=token.pk).update(addresses=OFFICE)
    answer = ask(f"token={value}{fields}", bearer(caller.value))
    assert answer.status_code == 200
    if is_active:
        assert (answer.json()["client_id"], answer.json()["scope"]) == (
            token.identifier,
            "reports:read",
        )
    else:
        assert answer.content == NOT_USABLE


def test_any_address_will_do_for_a_token_without_a_list(caller: Caller, issue: Issue) -> None:
    form = f"token={issue()[1]}&address=203.0.113.7"
    assert ask(form, bearer(caller.value)).json()["active"] is True


def test_a_scope_that_does_not_count_now_is_not_enough(
    caller: Caller, issue: Issue, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    group = Group.objects.create(name="Finance")
    Scope.objects.create(name="books:read", words="b", group=group)
    owner.groups.add(group)
    form = f"token={issue(scopes=['books:read'])[1]}&scope=books:read"
    with django_assert_num_queries(3):  # the caller, the token, and its restricted scopes
        assert ask(form, bearer(caller.value)).json()["active"] is True
    owner.groups.clear()
    assert ask(form, bearer(caller.value)).content == NOT_USABLE


def test_the_environment_of_the_installation_counts_with_an_address_too(
    caller: Caller, issue: Issue, token_settings: TokenSettings
) -> None:
    _, value = issue(environment="test")
    token_settings.ENVIRONMENT = "live"
    for fields in ("", "&address=10.1.2.3"):
        assert ask(f"token={value}{fields}", bearer(caller.value)).content == NOT_USABLE


def test_a_counted_request_uses_up_the_tokens_own_limit(caller: Caller, issue: Issue) -> None:
    token, value = issue()
    token.set_rate_limit("2/hour")
    form = f"token={value}&count=true"
    answers = [ask(form, bearer(caller.value)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [answer.json()["active"] for answer in answers] == [True, True, False]
    assert answers[2].content == NOT_USABLE
    refused = Client().get("/verify", headers=bearer(value))
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    # Who only wants to know whether the token is valid is not told about the limit.
    assert ask(f"token={value}", bearer(caller.value)).json()["active"] is True


@pytest.mark.usefixtures("scopes")
def test_a_request_that_is_refused_counts_too(caller: Caller, issue: Issue) -> None:
    token, value = issue()
    before = left(token)
    assert ask(f"token={value}&count=true&scope=reports:read", bearer(caller.value)).content == (
        NOT_USABLE
    )
    assert left(token) == before - 1


@pytest.mark.parametrize("fields", ["", "&count=false", "&scope=tokens:read&address=10.1.2.3"])
def test_without_count_nothing_of_the_token_changes(
    caller: Caller, issue: Issue, fields: str
) -> None:
    token, value = issue()
    before, stored = left(token), Token.objects.filter(pk=token.pk).values().get()
    ask(f"token={value}{fields}", bearer(caller.value))
    assert left(token) == before
    assert Token.objects.filter(pk=token.pk).values().get() == stored


def test_a_token_that_ended_is_not_counted(caller: Caller, issue: Issue) -> None:
    token, value = issue()
    token.revoke()
    before = left(token)
    assert ask(f"token={value}&count=true", bearer(caller.value)).content == NOT_USABLE
    assert left(token) == before


def test_counters_that_do_not_answer_admit_nobody(
    caller: Caller, issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any) -> None:
        raise ServiceUnavailable

    monkeypatch.setattr(counters, "hit_token", gone)
    answer = ask(f"token={issue()[1]}&count=true", bearer(caller.value))
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


ADDRESS = "It takes an IP address such as 203.0.113.7."


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ("&address=office", "address", ADDRESS),
        ("&address=10.0.0.0/8", "address", ADDRESS),
        ("&address=10.1.2.3/32", "address", ADDRESS),
        ("&address=10.1.2.3:80", "address", ADDRESS),
        ("&address=fe80::1%25eth0", "address", ADDRESS),
        ("&address=10.1.2.3,10.1.2.4", "address", ADDRESS),
        ("&address=10.1.2.3&address=10.1.2.4", "address", "Send this once."),
        ("&scope=reports", "scope", "It takes names such as reports:read."),
        ("&scope=a:b,c:d", "scope", "It takes names such as reports:read."),
        ("&scope=a:b&scope=c:d", "scope", "Send this once."),
        ("&count=1", "count", "It takes true or false."),
        ("&count=True", "count", "It takes true or false."),
        ("&count=true&count=true", "count", "Send this once."),
    ],
)
def test_a_wrong_field_is_as_oauth_says(
    caller: Caller, fields: str, field: str, words: str
) -> None:
    answer = ask(f"token={caller.value}{fields}", bearer(caller.value))
    body = answer.json()
    assert (answer.status_code, body["code"], body["error"]) == (
        400,
        "invalid_request",
        "invalid_request",
    )
    assert body["errors"] == [{"field": field, "detail": words}]


@pytest.mark.parametrize("fields", ["", "&address=10.1.2.3&scope=tokens:read&count=true"])
def test_a_stranger_is_refused_whatever_the_form_says(issue: Issue, fields: str) -> None:
    token, value = issue()
    answer = ask(f"token={value}{fields}", {})
    assert (answer.status_code, answer.json()["code"]) == (401, "missing_credentials")
    assert left(token) == 1000
