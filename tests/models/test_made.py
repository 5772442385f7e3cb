"""The descendants of a token are found through every generation and renewal, and end with it."""

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.conftest import Issue, bearer
from tests.records import program
from tokens.models import Event, Token

Make = Callable[..., Token]


@pytest.fixture
def make(issue: Issue) -> Make:
    """Return a function that makes a token, with the token `maker` if there is one."""

    def make_token(name: str, maker: Token | None = None, **changes: Any) -> Token:
        return issue(name=name, actor=program(maker) if maker else None, **changes)[0]

    return make_token


def renewed(token: Token, overlap: timedelta = timedelta(hours=1)) -> Token:
    return Token.objects.renew(
        token, expires_at=timezone.now() + timedelta(days=9), overlap=overlap
    )[0]


def names(token: Token) -> list[str]:
    return [made.name for made in token.active_descendants]


def test_children_and_grandchildren(make: Make) -> None:
    maker = make("maker")
    child = make("child", maker)
    make("grandchild", child)
    make("sibling")
    assert names(maker) == ["child", "grandchild"]
    assert names(child) == ["grandchild"]
    assert child.made_by == maker


def test_descendants_of_revoked_tokens_are_found(make: Make) -> None:
    maker = make("maker")
    child = make("child", maker)
    make("grandchild", child)
    child.revoke()
    maker.revoke()
    assert names(maker) == ["grandchild"]


def test_a_successor_has_the_maker_of_its_predecessor(make: Make) -> None:
    maker = make("maker")
    child = make("child", maker)
    successor = renewed(child, overlap=timedelta(0))
    assert successor.made_by == maker
    assert names(maker) == ["child"]
    assert maker.active_descendants.get() == successor


def test_tokens_made_by_predecessors_are_descendants_and_successors_are_not(make: Make) -> None:
    first = make("maker")
    make("child", first)
    last = renewed(renewed(first))
    assert names(last) == ["child"]
    # If successors counted, programs that use them would stop when the first token is revoked.
    assert names(first) == ["child"]


def test_tokens_of_other_owners_are_left_out(make: Make, teammate: User) -> None:
    maker = make("maker")
    make("child", maker, owner=teammate)
    assert names(maker) == []
    assert maker.revoke_made() == 0


def test_revoke_made_writes_an_event_for_each_token(make: Make, owner: User) -> None:
    maker = make("maker")
    child = make("child", maker)
    renewed(child)
    make("grandchild", child)
    assert maker.revoke_made() == 3
    assert [token.name for token in Token.objects.active()] == ["maker"]
    assert Event.objects.filter(kind="revoked").count() == 3
    assert maker.revoke_made() == 0


def test_one_query_for_any_number_of_generations(
    make: Make, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    maker = last = make("maker")
    for number in range(30):
        last = make(f"{number}", last)
    with django_assert_num_queries(1):
        assert len(maker.active_descendants) == 30


@pytest.mark.parametrize("batch", [1, 2, 1000])
def test_existing_tokens_get_their_makers_from_events(
    make: Make, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    maker = make("maker")
    child = make("child", maker)
    successor = renewed(child)
    last = renewed(successor)
    make("another")
    makers = {token.pk: maker.pk for token in (child, successor, last)}
    Token.objects.update(made_by=None)
    filling = import_module("tokens.migrations.0014_fill_made_by")
    monkeypatch.setattr(filling, "BATCH_SIZE", batch)
    for _ in range(2):
        filling.fill(apps, None)
        assert dict(Token.objects.exclude(made_by=None).values_list("pk", "made_by_id")) == makers


def test_the_migration_keeps_a_maker_that_is_set(make: Make) -> None:
    """The event may name another maker: one that was deleted and whose tokens got a new maker."""
    maker, heir = make("maker"), make("heir")
    child = make("child", maker)
    Token.objects.filter(pk=child.pk).update(made_by=heir)
    import_module("tokens.migrations.0014_fill_made_by").fill(apps, None)
    child.refresh_from_db()
    assert child.made_by == heir


def test_the_token_of_a_program_is_stored_as_the_maker(issue: Issue) -> None:
    maker, value = issue(scopes=["tokens:write"])
    answer = Client().post(
        "/api/v1/tokens", {"name": "child"}, "application/json", headers=bearer(value)
    )
    assert answer.status_code == 201
    assert Token.objects.get(name="child").made_by == maker


def test_the_previous_release_can_still_insert_rows(issue: Issue) -> None:
    """Its code runs while a node is migrated, and does not know the new columns."""
    token, _ = issue()
    new = {"id", "identifier", "made_by_id", "counted_as"}
    columns = ", ".join(
        str(field.column) for field in Token._meta.concrete_fields if field.column not in new
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO tokens_token (identifier, {columns})"
            f" SELECT %s, {columns} FROM tokens_token WHERE id = %s",
            ["tkn_live_" + "0" * 15, token.pk],
        )
    written = Token.objects.exclude(pk=token.pk).get()
    assert (written.made_by, written.counted_as, written.limit_key) == (
        None,
        "",
        written.identifier,
    )
