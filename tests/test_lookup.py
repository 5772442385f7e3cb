"""The one query of a request, held to the ORM's own answer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue
from tokens import lookup, prepared
from tokens.models import Token

AT = datetime(2026, 11, 22, 12, 30, 15, 123456, tzinfo=UTC)
CHANGES: list[dict[str, Any]] = [
    {},
    {"revoked_at": AT, "last_used_at": AT, "renewed_at": AT, "last_used_address": "2001:db8::1"},
    {"scope": "tokens:read tokens:write", "addresses": "10.0.0.0/8 ::1/128", "rate_limit": "5/second"},
    {"asks_catalogue": True, "expires_at": AT, "created_at": AT, "environment": "dev", "name": "ü “quoted” \U0001f511"},
]


@pytest.mark.parametrize("changes", CHANGES)
@pytest.mark.parametrize("active", [True, False])
def test_it_is_the_orms_answer(issue: Issue, owner: User, changes: dict[str, Any], active: bool) -> None:
    token, _ = issue()
    Token.objects.filter(pk=token.pk).update(**changes)
    User.objects.filter(pk=owner.pk).update(is_active=active)
    expected = Token.objects.select_related("owner").get(pk=token.pk)
    found = lookup.find(token.identifier)
    assert found is not None
    loaded = {name: value for name, value in vars(found).items() if name != "_state"}
    assert {"digest", "pepper", "expires_at", "revoked_at", "scope"} <= set(loaded)
    for name, value in loaded.items():
        assert (value, type(value)) == (getattr(expected, name), type(getattr(expected, name))), name
    assert (found.owner, found.owner.is_active, found.owner.email) == (owner, active, owner.email)
    assert "password" not in vars(found.owner)


def test_what_was_left_out_loads_when_asked_for(issue: Issue, owner: User) -> None:
    token, _ = issue()
    found = lookup.find(token.identifier)
    assert found is not None
    assert (found.form_nonce, found.last_used_address, found.owner.name) == (None, None, "")
    found.name = "another"
    found.save()
    token.refresh_from_db()
    assert token.name == "another"


def test_nobodys_identifier(db: None) -> None:
    assert lookup.find("tkn_live_000000000000000") is None


@pytest.mark.django_db(transaction=True)
def test_a_connection_on_which_nothing_is_prepared_any_more(issue: Issue) -> None:
    token, _ = issue()
    assert lookup.find(token.identifier) is not None
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'tokenry_%'")
            assert cursor.fetchone() == (1,)
            cursor.execute("DEALLOCATE ALL")
    assert lookup.find(token.identifier) is not None


def test_time_zones_do_not_matter(issue: Issue) -> None:
    token, _ = issue(expires_at=timezone.now() + timedelta(days=1))
    with timezone.override("Asia/Kathmandu"):
        found = lookup.find(token.identifier)
    assert found is not None
    assert found.expires_at == token.expires_at


def test_statements_of_different_text_have_different_names() -> None:
    assert prepared.name_of(b"SELECT 1") != prepared.name_of(b"SELECT 2")
