"""tokens/authentication/lookup.py: which rows are leased, and what decisions read.

Only PostgreSQL has leases, so some results differ on SQLite.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone
from pytest_django import Settings

from tests import run
from tests.conftest import Issue
from tokens.authentication import lookup
from tokens.models import Scope, Token
from tokens.token_settings import TokenSettings


@pytest.fixture
def leased(token_settings: TokenSettings) -> Iterator[bool]:
    """Switch leases on, and return True if this database has them."""
    token_settings.LEASES = True
    lookup.leases.clear()
    yield connection.vendor == "postgresql"
    lookup.leases.clear()


@pytest.mark.django_db(transaction=True)
def test_a_read_outside_a_transaction_is_leased(issue: Issue, leased: bool) -> None:
    token, _ = issue()
    lookup.find_token(token.identifier)
    Token.objects.update(revoked_at=timezone.now())
    found = lookup.find_token(token.identifier)
    assert found
    assert (found.revoked_at is None) == leased
    lookup.leases.clear()
    found = lookup.find_token(token.identifier)
    assert found
    assert found.revoked_at


@pytest.mark.django_db(transaction=True)
def test_a_read_within_a_transaction_is_not_leased(issue: Issue, leased: bool) -> None:
    token, _ = issue()
    with transaction.atomic():
        Token.objects.update(scope="a:read")
        inside = lookup.find_token(token.identifier)
        transaction.set_rollback(True)
    assert inside
    assert inside.scopes == ["a:read"]
    assert not len(lookup.leases)
    after = lookup.find_token(token.identifier)
    assert after
    assert after.scopes == token.scopes


@pytest.mark.django_db(transaction=True)
def test_a_read_in_a_transaction_by_hand_is_not_leased(issue: Issue, leased: bool) -> None:
    token, _ = issue()
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        lookup.find_token(token.identifier)
        cursor.execute("ROLLBACK")
    assert not len(lookup.leases)


@pytest.mark.django_db(transaction=True)
def test_each_request_has_a_token_of_its_own(issue: Issue, leased: bool) -> None:
    token, _ = issue()
    first = lookup.find_token(token.identifier)
    assert first
    first.name = first.owner.email = "changed"
    second = lookup.find_token(token.identifier)
    assert second
    assert second == first
    assert second is not first
    assert (second.name, second.owner.pk) == (token.name, first.owner.pk)
    assert "changed" not in (second.name, second.owner.get_username())


@pytest.mark.django_db(transaction=True)
def test_values_that_can_change_are_copied(
    issue: Issue, leased: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A field of the owner may be a list or a dictionary."""
    token, _ = issue()
    row, may_be_leased = lookup.read_row(connections["default"], token.identifier)
    assert row
    assert may_be_leased == leased
    assert not row.can_change
    row.owner["choices"] = ["a"]
    monkeypatch.setattr(lookup, "read_row", lambda *_: (row._replace(can_change=True), True))
    owners: list[Any] = [
        found.owner for _ in range(2) if (found := lookup.find_token(token.identifier))
    ]
    owners[0].choices.append("b")
    assert owners[1].choices == ["a"]


@pytest.mark.django_db(transaction=True)
def test_an_unknown_token_is_never_leased(leased: bool) -> None:
    assert lookup.find_token("tkn_live_000000000000000") is None
    assert not len(lookup.leases)


@pytest.mark.django_db(transaction=True)
def test_an_unfinished_iterator_does_not_show_an_old_token(issue: Issue) -> None:
    """SQLite shows a connection with an unfinished query the data as they were before it."""
    token, _ = issue()
    for name in ("b", "c"):
        issue(name=name)
    rows = Token.objects.iterator(chunk_size=1)
    next(rows)
    Scope.objects.filter(name="tokens:read").delete()

    def change() -> None:
        Token.objects.update(revoked_at=timezone.now())
        Scope.objects.all().delete()
        connection.close()

    with ThreadPoolExecutor(1) as other:
        other.submit(change).result()
    found = lookup.find_token(token.identifier)
    assert found
    assert found.revoked_at
    assert lookup.read_rows(Scope.objects.values_list("name")) == []
    next(rows)


@pytest.mark.django_db
def test_a_router_does_not_decide_where_scopes_are_read(settings: Settings, issue: Issue) -> None:
    asked: list[Any] = []

    class Router:
        def db_for_read(self, model: Any, **hints: Any) -> str:
            asked.append(model)
            return "replica"

    settings.DATABASE_ROUTERS = [Router()]
    held = Scope.objects.values_list("name")
    assert ("tokens:read",) in lookup.read_rows(held)


@pytest.mark.django_db
def test_a_forked_process_has_no_leases() -> None:
    """Nor a lock that another thread had when the process forked."""
    code = """
import os
from tests import settings
import django
django.setup()
from tokens.authentication.lookup import leases
leases.read("a", lambda _: ("row", True))
leases._lock.acquire()
if os.fork():
    os.wait()
    print("parent", len(leases), flush=True)
else:
    print("child", len(leases), leases._lock.locked(), flush=True)
"""
    printed = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, cwd=run.ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
    ).stdout  # fmt: skip
    assert printed.split() == ["child", "0", "False", "parent", "1"]


@pytest.mark.django_db(transaction=True)
def test_connections_to_sqlite_do_not_add_up(issue: Issue) -> None:
    """Each reconnection, as with CONN_MAX_AGE=0, closes what the one before opened."""
    token, _ = issue()
    before = None
    for _ in range(5):
        lookup.find_token(token.identifier)
        now = len(list(Path("/proc/self/fd").iterdir()))
        assert before is None or now <= before
        before = now
        connection.close()
