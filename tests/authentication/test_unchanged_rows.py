"""Rows are used again on SQLite until somebody writes, and not a moment longer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import ConnectionHandler

from tests.conftest import Issue
from tokens.authentication import fetch, lookup
from tokens.authentication.fetch import reader_of
from tokens.authentication.unchanged_rows import unchanged_rows
from tokens.models import Token


def connect(file: Path) -> Any:
    settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": file}
    return ConnectionHandler({"default": settings})["default"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.sqlite3"


@pytest.fixture
def database(file: Path) -> Iterator[Any]:
    database = connect(file)
    yield database
    database.close()


@pytest.fixture
def writer(file: Path) -> Iterator[Any]:
    database = connect(file)
    yield database
    database.close()


def write(database: Any) -> None:
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS changes (number INTEGER)")
        cursor.execute("INSERT INTO changes VALUES (1)")


@pytest.mark.django_db
def test_rows_stay_until_another_connection_commits(database: Any, writer: Any) -> None:
    write(writer)
    unchanged_rows(database)["a"] = 1
    assert unchanged_rows(database) == {"a": 1}
    writer.set_autocommit(False)
    write(writer)
    assert unchanged_rows(database) == {"a": 1}
    writer.rollback()
    assert unchanged_rows(database) == {"a": 1}
    write(writer)
    writer.commit()
    assert unchanged_rows(database) == {}


@pytest.mark.django_db
def test_a_new_connection_begins_anew(database: Any, writer: Any) -> None:
    """SQLite's numbers begin at the same number for each connection."""
    write(writer)
    unchanged_rows(database)["a"] = 1
    write(writer)
    reader_of(database).close()
    assert unchanged_rows(database) == {}


@pytest.mark.django_db
def test_an_error_is_one_of_django(file: Path, database: Any) -> None:
    """The circuit breaker counts Django's errors only."""
    file.write_text("This is no database. " * 100)
    with pytest.raises(Exception, match="not a database") as raised:
        unchanged_rows(database)
    assert type(raised.value).__module__ == "django.db.utils"


@pytest.mark.django_db(transaction=True)
def test_a_change_is_seen_from_its_commit(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    token, _ = issue()
    reads = []
    read = fetch.fetch_row

    def counted(*arguments: Any) -> Any:
        reads.append(arguments)
        return read(*arguments)

    def name() -> str:
        found = lookup.find_token(token.identifier)
        assert found
        return found.name

    monkeypatch.setattr("tokens.authentication.lookup.fetch_row", counted)
    assert [name(), name(), name()] == [token.name] * 3
    assert len(reads) == (1 if connection.vendor == "sqlite" else 3)
    for changed in ("First", "Second"):
        Token.objects.filter(pk=token.pk).update(name=changed)
        assert name() == changed
    with transaction.atomic():
        Token.objects.filter(pk=token.pk).update(name="Inside")
        assert name() == "Inside"
        transaction.set_rollback(True)
    assert name() == "Second"
    Token.objects.all().delete()
    assert lookup.find_token(token.identifier) is None


@pytest.mark.django_db(transaction=True)
def test_a_request_cannot_change_what_the_next_request_gets(issue: Issue) -> None:
    token, _ = issue(scopes=["tokens:read"])
    for _ in range(2):
        found = lookup.find_token(token.identifier)
        assert found
        assert found.scopes == ["tokens:read"]
        found.scopes.append("tokens:write")
        found.name = "Changed"
