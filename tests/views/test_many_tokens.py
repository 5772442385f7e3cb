"""An account with many tokens and events: as many queries as with one, each on an index.

Before a commit with 200 tokens and 2,000 events, in the long tail with 1,000 and 100,000.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, DjangoDbBlocker

from accounts.models import User
from tests.conftest import signed_in
from tests.server import PASSWORD
from tokens.audit.log import MAX_EXPORTED, PAGE_SIZE, Activity
from tokens.models import Event, Token
from tokens.usage.retention import RULES

pytestmark = pytest.mark.django_db
LIST, PATH = "/settings/tokens/", "/settings/activity/"
RARE = f"tkn_live_{7:015d}"


class Crowd(NamedTuple):
    """The size of the account."""

    tokens: int
    events: int


@pytest.fixture(
    scope="module",
    params=[Crowd(200, 2_000), pytest.param(Crowd(1_000, 100_000), marks=pytest.mark.long)],
    ids=str,
)
def crowd(request: pytest.FixtureRequest) -> Crowd:
    made: Crowd = request.param
    return made


@pytest.fixture(scope="module")
def crowded(
    crowd: Crowd, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Client]:
    """Return a client of their owner. One event in a thousand is by an administrator."""
    with django_db_blocker.unblock():
        user = User.objects.create_user(email="crowded@example.com", password=PASSWORD)
        boss = User.objects.create_user(email="administrator@example.com", password=PASSWORD)
        now = timezone.now()
        fixed = {"owner": user, "environment": "live", "digest": "0" * 64, "pepper": 1}
        tokens = Token.objects.bulk_create(
            Token(
                name=f"Token {n}",
                identifier=f"tkn_live_{n:015d}",
                expires_at=now + timedelta(days=n % 90),
                **fixed,
            )
            for n in range(crowd.tokens)
        )
        Event.objects.bulk_create(
            (event(user, boss, tokens[n % crowd.tokens], n) for n in range(crowd.events)),
            batch_size=2_000,
        )
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        yield signed_in(user)
        Event._base_manager.filter(owner=user).delete()
        Session.objects.all().delete()
        user.delete()
        boss.delete()


def event(user: User, boss: User, token: Token, n: int) -> Event:
    return Event(
        owner=user,
        actor=boss if n % 1_000 == 500 else user,
        kind="limited" if n % 1_000 == 500 else ("created", "changed", "renewed")[n % 3],
        token=token,
        token_name=token.name,
        identifier=token.identifier,
        address="203.0.113.7",
        user_agent="curl/8.5.0",
        at=token.expires_at - timedelta(days=200, seconds=n),
    )


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        # session, user, teams, counts, order, page, sparklines, those that expire, offers,
        # approver
        (LIST, 10),
        (f"{LIST}?q=token+9&status=expiring", 10),
        (f"{LIST}?page=15&sort=name", 10),
        (PATH, 5),  # session, user, page, teams; for the navigation: is the person an approver?
        (f"{PATH}?kind=limited", 5),
        (f"{PATH}?token={RARE}", 5),
        (f"{PATH}?by=administrator", 5),
        (f"{PATH}?q=nothing-like-it", 5),
        (f"{PATH}?q=token+99&since=2020-01-01&until=2999-01-01", 5),
        (f"{PATH}?before=1500000000000000-1", 5),
    ],
)
def test_a_fixed_number_of_queries(
    crowded: Client, django_assert_num_queries: DjangoAssertNumQueries, path: str, queries: int
) -> None:
    with django_assert_num_queries(queries):
        assert crowded.get(path).status_code == 200


def test_an_export_holds_a_batch_alone(
    crowded: Client, crowd: Crowd, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    response = crowded.get(f"{PATH}export.jsonl")
    # After the last batch one more query finds nothing, unless the file is full.
    with django_assert_num_queries(crowd.events // 1_000 + (crowd.events < MAX_EXPORTED)):
        assert sum(chunk.count(b"\n") for chunk in response) == crowd.events


@pytest.mark.parametrize(
    ("params", "index"),
    [
        ({}, "event_owner"),
        ({"since": "2026-01-01", "until": "2026-12-31"}, "event_owner"),
        ({"kind": "limited"}, "event_kind"),
        ({"token": RARE}, "event_identifier"),
    ],
)
def test_a_page_is_read_off_an_index(crowded: Client, params: dict[str, str], index: str) -> None:
    """The database reads tokens in order, so that no page sorts tokens that it does not show.

    PostgreSQL may sort one or two rows instead of reading them in order, which costs the same.
    With sorting off, a plan sorts only if no index has the order.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_sort = off")
    user = User.objects.get(email="crowded@example.com")
    events = Activity(user, params).events
    for page in (events, events.before(timezone.now() - timedelta(days=150), 1)):
        plan = page[: PAGE_SIZE + 1].explain()
        assert index in plan
        assert "SORT" not in plan.upper().replace("SORT KEY", "")
        assert "TEMP B-TREE" not in plan


def test_prune_finds_the_oldest_by_an_index(crowded: Client) -> None:
    plan = RULES[0].old_rows.values_list("pk", flat=True)[:1_000].explain()
    assert "event_at" in plan
    assert "TEMP B-TREE" not in plan
