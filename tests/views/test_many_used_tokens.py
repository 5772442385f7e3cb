"""Many tokens with much usage: as many queries as for one token, each on an index."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from accounts.models import User
from tests.conftest import signed_in
from tests.server import PASSWORD
from tokens.models import DayCount, HourCount, RecentRequest, Scope, ScopeCount, Token

TOKENS, USED = 2_000, 300
MODELS: list[Any] = [DayCount, HourCount, ScopeCount, RecentRequest]
GROWING = {model._meta.db_table for model in (*MODELS, Token)}
LIST = "/settings/tokens/"


class Crowd(NamedTuple):
    """A client of the owner of 25 tokens, and the URLs of a working and a revoked token."""

    client: Client
    works: str
    revoked: str


@pytest.fixture(scope="module")
def crowd(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Crowd]:
    with django_db_blocker.unblock():
        user = User.objects.create_user(email="busy@example.com", password=PASSWORD)
        others = User.objects.create_user(email="others@example.com", password=PASSWORD)
        Scope.objects.bulk_create(Scope(name=name, words=name) for name in ("a:read", "a:write"))
        works, revoked = make_tokens(user, others)
        fill(works)
        Token.objects.filter(pk=revoked.pk).update(revoked_at=timezone.now() - timedelta(days=1))
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        yield Crowd(signed_in(user), works.get_absolute_url(), revoked.get_absolute_url())
        for model in (*MODELS, Session, Token):
            model.objects.all().delete()
        # Other tests need the scopes that migrations made.
        Scope.objects.filter(name__startswith="a:").delete()
        user.delete()
        others.delete()


def make_tokens(user: User, others: User) -> list[Token]:
    """Return the first two tokens, which are the user's."""
    now = timezone.now()
    fixed = {"environment": "live", "digest": "0" * 64, "pepper": 1, "scope": "a:read a:write"}
    return Token.objects.bulk_create(
        Token(
            owner=others if n >= 25 else user,
            name=f"Token {n}",
            identifier=f"tkn_live_{n:015d}",
            created_at=now - timedelta(days=100),
            expires_at=now + timedelta(days=n % 90 + 1),
            **fixed,
        )
        for n in range(TOKENS)
    )[:2]


def fill(token: Token) -> None:
    """Write 40 days of usage for one token, and copy them to the first 300."""
    now = timezone.now()
    common = {"token": token, "requests": 5, "refused": 1, "last_at": now}
    days = [(now - timedelta(days=n)).date() for n in range(40)]
    hours = [
        now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=n) for n in range(100)
    ]
    request = {"token": token, "method": "GET", "path": "/api", "status": 200, "milliseconds": 1.5}
    rows: list[list[Any]] = [
        [
            DayCount(day=day, address=f"192.0.2.{n}", status_class=2, **common)
            for day in days
            for n in range(5)
        ],
        [HourCount(hour=hour, status_class=2, **common) for hour in hours],
        [
            ScopeCount(day=day, scope=scope, **common)
            for day in days
            for scope in ("a:read", "b:read")
        ],
        [
            RecentRequest(at=now - timedelta(minutes=n), refused=n % 2 == 0, **request)
            for n in range(60)
        ],
    ]
    for model, made in zip(MODELS, rows, strict=True):
        model.objects.bulk_create(made)
        copy_to_others(model, token)


def copy_to_others(model: Any, token: Token) -> None:
    """Copy the rows of `token` to the first USED tokens."""
    columns = ", ".join(
        field.column
        for field in model._meta.concrete_fields
        if field.column not in {"id", "token_id"}
    )
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (token_id, {columns}) SELECT another.id, {columns}"
            f" FROM {table} CROSS JOIN"
            f" (SELECT id FROM tokens_token ORDER BY id LIMIT {USED}) AS another"
            f" WHERE token_id = {token.pk} AND another.id <> {token.pk}"
        )


def page_of(crowd: Crowd, path: str) -> str:
    return path.format(works=crowd.works, revoked=crowd.revoked)


def plan(sql: str) -> str:
    """Return the database's plan for the query."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"{'EXPLAIN' if connection.vendor == 'postgresql' else 'EXPLAIN QUERY PLAN'} {sql}"
        )
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def read_whole(steps: str) -> set[str]:
    """Return the growing tables that a plan reads completely, with or without an index."""
    return GROWING & set(re.findall(r"(?:Seq Scan on|\bSCAN) (\w+)", steps))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "queries"),
    [
        # session, user, teams, counts, order, page, sparklines, revoked, expiring, offers,
        # approver
        (LIST, 11),
        # session, user, token, scopes, held scopes, made tokens, events; and for the report
        # chart, callers, scopes, since; and the requests
        ("{works}", 13),
        ("{works}?by=hour", 14),  # and the totals
        ("{works}?show=refused&status=4", 13),
        ("{revoked}", 15),  # and who still uses it, and how often
        ("{works}narrow/", 7),  # session, user, token, scopes, since, chart
    ],
)
def test_a_fixed_number_of_queries_each_on_an_index(crowd: Crowd, path: str, queries: int) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert crowd.client.get(page_of(crowd, path)).status_code == 200
    assert len(asked) == queries
    for query in asked.captured_queries:
        steps = plan(query["sql"])
        assert read_whole(steps) == set(), f"{query['sql']}\n{steps}"


@pytest.mark.django_db
def test_the_test_of_plans_can_fail(crowd: Crowd) -> None:
    for model in MODELS:
        table = model._meta.db_table
        assert read_whole(plan(f"SELECT * FROM {table} WHERE id + 0 > 1")) == {table}
