"""The one query of a request: the same result as the ORM, and behaviour without a connection."""

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.conftest import Issue, bearer
from tokens.authentication import credentials
from tokens.authentication.lookup import find_token
from tokens.authentication.pipeline import authenticate
from tokens.authentication.policy import Requirement
from tokens.core.circuit_breaker import FAILURES_TO_OPEN, OPEN_SECONDS, ServiceUnavailable
from tokens.models import Token

DAY = datetime(2026, 11, 22, 12, 30, 15, 123456, tzinfo=UTC)


def found(identifier: str) -> Token:
    token = find_token(identifier)
    assert token is not None
    return token


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {
            "revoked_at": DAY,
            "renewed_at": DAY + timedelta(days=1),
            "last_used_at": DAY + timedelta(days=2),
        },
        {"created_at": DAY, "expires_at": DAY.replace(microsecond=0)},
        {"expires_at": datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)},
        {
            "scope": "a:read b:write",
            "has_restricted_scopes": True,
            "addresses": "10.0.0.0/8 2001:db8::/32",
        },
        {"rate_limit": "10/second;1000/hour", "pepper": 32767},
        {"name": "Ünïcode “name” 日本 🚀 %s ?", "environment": "dev", "last_used_agent": "%s"},
        {"last_used_address": "2001:db8::1", "description": "words", "form_nonce": "n" * 22},
    ],
)
def test_the_same_as_the_orms_own(issue: Issue, columns: dict[str, Any]) -> None:
    token, _ = issue()
    Token.objects.filter(pk=token.pk).update(**columns)
    expected = Token.objects.select_related("owner").get(pk=token.pk)
    actual = found(token.identifier)
    assert actual == expected
    assert not actual.get_deferred_fields()
    for field in Token._meta.concrete_fields:
        ours, theirs = getattr(actual, field.attname), getattr(expected, field.attname)
        assert (type(ours), ours) == (type(theirs), theirs), field.attname
        if isinstance(ours, datetime):
            assert ours.tzinfo is theirs.tzinfo is UTC
    assert (actual._state.db, actual._state.adding) == (expected._state.db, False)


@pytest.mark.parametrize("active", [True, False])
def test_its_owner_is_there_without_a_password(
    issue: Issue, owner: User, active: bool, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    token, _ = issue()
    User.objects.update(is_active=active)
    with django_assert_num_queries(1):
        actual = found(token.identifier)
        assert (type(actual.owner), actual.owner.pk, actual.owner.email) == (
            User,
            owner.pk,
            owner.email,
        )
        assert actual.owner.is_active is active
        assert actual.owner.get_deferred_fields() == {"password"}
        assert actual.owner.date_joined == owner.date_joined
        assert actual.description == token.description
    assert owner.password not in str(vars(actual)) + str(vars(actual.owner))
    with django_assert_num_queries(1):  # a field that was left out loads when somebody asks
        assert actual.owner.password == owner.password


def test_every_column_of_a_decision_is_read(
    issue: Issue, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    _, value = issue(scopes=[], allowed_addresses=["127.0.0.1/32"])
    header = bearer(value)["Authorization"]
    with django_assert_num_queries(1):
        assert not authenticate(header, "127.0.0.1", Requirement(), timezone.now()).problem


def test_it_can_be_changed_and_saved(issue: Issue) -> None:
    token, _ = issue()
    actual = found(token.identifier)
    actual.name = "Another"
    actual.save()
    token.refresh_from_db()
    assert token.name == "Another"
    assert actual.revoke()
    assert found(token.identifier).revoked_at == actual.revoked_at


@pytest.mark.django_db
def test_an_unknown_identifier_is_none(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        assert find_token(credentials.generate("tkn", "live").identifier) is None


def test_ways_to_write_sql_are_text(issue: Issue) -> None:
    issue()
    for identifier in ("", "%", "%s", "?", "$1", "' OR '1'='1", "a\\' --"):
        assert find_token(identifier) is None


@pytest.mark.django_db
def test_a_database_that_fails_is_down_and_asked_again_after_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def fail(*arguments: Any) -> None:
        asked.append(arguments)
        raise OperationalError("gone")

    with monkeypatch.context() as broken:
        broken.setattr("tokens.authentication.lookup.fetch_row", fail)
        for _ in range(FAILURES_TO_OPEN + 2):
            with pytest.raises(ServiceUnavailable):
                find_token("tkn_live_0")
    assert len(asked) == FAILURES_TO_OPEN
    monkeypatch.setattr(
        "tokens.core.circuit_breaker.time",
        SimpleNamespace(monotonic=lambda: time.monotonic() + OPEN_SECONDS),
    )
    assert find_token("tkn_live_0") is None
