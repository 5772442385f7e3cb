"""`manage.py migrate` at once on several nodes, as their units have it."""

import fcntl
import os
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from config.management.commands.migrate import LOCK
from tests.run import ROOT, patience
from tests.server import Server
from tests.services import PostgreSQL

WAITS = "Another `migrate` is running on this database."


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with closing(PostgreSQL()) as service:
        yield service.start()


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.sqlite3"
    server = request.getfixturevalue("postgresql")
    name = f"empty_{secrets.token_hex(4)}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return str(urlunsplit(urlsplit(server.url)._replace(path=f"/{name}")))


def migrate(server: Server) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "manage.py", "migrate", "--no-input"],
        cwd=ROOT, env=server.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
def test_two_at_once(url: str, tmp_path: Path) -> None:
    both = [migrate(Server(tmp_path, url)) for _ in range(2)]
    said = [one.communicate(timeout=patience(60))[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert sum("No migrations to apply." in words for words in said) == 1


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_it_says_that_it_waits(url: str, tmp_path: Path) -> None:
    with psycopg.connect(url) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        one = migrate(Server(tmp_path, url))
        assert one.stdout
        assert one.stdout.readline().startswith(WAITS)
        with psycopg.connect(url) as third:
            found = third.execute(
                "SELECT count(*) FROM pg_tables WHERE tablename = 'django_migrations'"
            ).fetchone()
        assert found == (0,), "it has begun"
    said, _ = one.communicate(timeout=patience(60))
    assert (one.returncode, said.count("waits")) == (0, 0), said


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_to_look_needs_no_lock(url: str, tmp_path: Path) -> None:
    with psycopg.connect(url) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        assert "tokens.0001_initial" in Server(tmp_path, url).manage("migrate", "--plan")


def test_the_checks_wait_too(tmp_path: Path) -> None:
    """A check of Django's begins a transaction, which fails if the other process writes long."""
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # as another `migrate` does
        with closing(sqlite3.connect(tmp_path / "empty.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            one = migrate(Server(tmp_path, f"sqlite:///{tmp_path}/empty.sqlite3"))
            assert one.stdout
            assert one.stdout.readline().startswith(WAITS), "it did not check anything before"
            other.execute("ROLLBACK")
    finally:
        os.close(folder)
    said, _ = one.communicate(timeout=patience(60))
    assert one.returncode == 0, said
