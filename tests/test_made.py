"""Tokens that were made with another: found through every generation and renewal, and ended with it."""

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
from tests.conftest import Issue, bearer, program
from tokens.models import Event, Token

Make = Callable[..., Token]


@pytest.fixture
def make(issue: Issue) -> Make:
    """Make a token, with another where one is given."""

    def made(name: str, maker: Token | None = None, **changes: Any) -> Token:
        return issue(name=name, request=program(maker) if maker else None, **changes)[0]

    return made


def renewed(token: Token, overlap: timedelta = timedelta(hours=1)) -> Token:
    return Token.objects.renew(token, expires_at=timezone.now() + timedelta(days=9), overlap=overlap)[0]


def names(token: Token) -> list[str]:
    return [made.name for made in token.still_made]


def test_children_and_theirs(make: Make) -> None:
    maker = make("maker")
    child = make("child", maker)
    make("grandchild", child)
    make("sibling")
    assert names(maker) == ["child", "grandchild"]
    assert names(child) == ["grandchild"]
    assert child.made_by == maker


def test_through_what_has_ended(make: Make) -> None:
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
    assert maker.still_made.get() == successor


def test_what_the_predecessors_made_counts_and_their_successor_does_not(make: Make) -> None:
    first = make("maker")
    make("child", first)
    last = renewed(renewed(first))
    assert names(last) == ["child"]
    assert names(first) == ["child"]  # not those that replaced it: what runs with them would stop


def test_nobody_elses(make: Make, teammate: User) -> None:
    maker = make("maker")
    make("child", maker, owner=teammate)
    assert names(maker) == []
    assert maker.revoke_made() == 0


def test_all_end_with_an_event_each(make: Make, owner: User) -> None:
    maker = make("maker")
    child = make("child", maker)
    renewed(child)
    make("grandchild", child)
    assert maker.revoke_made() == 3
    assert [token.name for token in Token.objects.active()] == ["maker"]
    assert Event.objects.filter(kind="revoked").count() == 3
    assert maker.revoke_made() == 0


def test_one_query_for_any_number_of_generations(make: Make, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    maker = last = make("maker")
    for number in range(30):
        last = make(f"{number}", last)
    with django_assert_num_queries(1):
        assert len(maker.still_made) == 30


@pytest.mark.parametrize("batch", [1, 2, 1000])
def test_existing_tokens_get_their_makers_from_events(make: Make, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
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


def test_filling_them_in_undoes_nothing(make: Make) -> None:
    """Whoever has a maker keeps that one, whatever the event says: what made it may be deleted and have an heir."""
    maker, heir = make("maker"), make("heir")
    child = make("child", maker)
    Token.objects.filter(pk=child.pk).update(made_by=heir)
    import_module("tokens.migrations.0014_fill_made_by").fill(apps, None)
    child.refresh_from_db()
    assert child.made_by == heir


def test_a_program_is_kept_as_the_maker(issue: Issue) -> None:
    maker, value = issue(scopes=["tokens:write"])
    answer = Client().post("/api/v1/tokens", {"name": "child"}, "application/json", headers=bearer(value))
    assert answer.status_code == 201
    assert Token.objects.get(name="child").made_by == maker


def test_the_previous_release_goes_on_writing_rows(issue: Issue) -> None:
    """Its code runs while a node is migrated, and knows nothing of the new columns."""
    token, _ = issue()
    new = {"id", "identifier", "made_by_id", "counted_as"}
    columns = ", ".join(str(field.column) for field in Token._meta.concrete_fields if field.column not in new)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO tokens_token (identifier, {columns}) SELECT %s, {columns} FROM tokens_token WHERE id = %s",
            ["tkn_live_" + "0" * 15, token.pk],
        )
    written = Token.objects.exclude(pk=token.pk).get()
    assert (written.made_by, written.counted_as, written.limit_key) == (None, "", written.identifier)
