"""Databases for tests. Each run migrates one database of each kind; the others are copies."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.core.management import call_command
from django.db import connections
from pytest_django import DjangoDbBlocker

from config.environment.service_urls import database_url
from tests import run

# True if the suite runs on a PostgreSQL server, which others may use too.
SHARED = os.environ.get("DATABASE_URL", "").startswith("postgres")
MIGRATED = f"tokenry_{run.ID}_migrated"
made: list[str] = []  # databases that were made since the last test ended
blocker: DjangoDbBlocker | None = None  # pytest-django's lock; tests/conftest.py sets it


@contextmanager
def connected(url: str) -> Iterator[None]:
    """Point the ORM of this thread at the database with that URL."""
    settings = database_url(url)
    if settings["ENGINE"].endswith("sqlite3"):
        # As in config/settings.py, but with a longer time-out.
        settings["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": run.patience(7)}
    there = type(connections)({"default": settings})["default"]
    here = connections["default"]
    connections["default"] = there
    try:
        with blocker.unblock() if blocker else nullcontext():
            yield
    finally:
        connections["default"] = here
        there.close()


def migrate(url: str) -> None:
    """Migrate the database with that URL."""
    with connected(url):
        call_command("migrate", verbosity=0)


def make(name: str, folder: Path) -> str:
    """Make a migrated database of the kind that the suite runs on, and return its URL."""
    made.append(name)
    return postgresql(name) if SHARED else sqlite(folder / f"{name}.sqlite3")


def sqlite(path: Path) -> str:
    """Make a migrated SQLite database at `path`, and return its URL."""
    migrated = run.FOLDER / "migrated.sqlite3"
    with run.lock("sqlite"):
        if not migrated.exists():
            migrate(f"sqlite:///{migrated}.new")
            migrated.with_name(f"{migrated.name}.new").rename(migrated)
    shutil.copyfile(migrated, path)
    return f"sqlite:///{path}"


def postgresql(name: str) -> str:
    """Make a migrated database of that name on the shared PostgreSQL, and return its URL."""
    with run.lock("postgresql"):
        if MIGRATED not in named(MIGRATED):
            draft = f"{MIGRATED}_draft"
            drop(draft)  # a process that failed to migrate may have left it
            administer(f'CREATE DATABASE "{draft}"')
            migrate(address(draft))
            administer(f'ALTER DATABASE "{draft}" RENAME TO "{MIGRATED}"')
        # PostgreSQL allows no connections to the template meanwhile.
        administer(f'CREATE DATABASE "{name}" TEMPLATE "{MIGRATED}"')
    return address(name)


def address(name: str) -> str:
    """Return the URL of the shared PostgreSQL's database of that name."""
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


def administer(statement: str) -> None:
    """Run a statement on the database that DATABASE_URL names."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(statement)


def named(prefix: str) -> list[str]:
    """Return the names of the shared PostgreSQL's databases that begin with `prefix`."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        found = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix]
        )
        return [name for (name,) in found]


def drop(name: str) -> None:
    """Drop that database, and end all connections to it."""
    administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def drop_all(prefix: str) -> None:
    """Drop the databases whose names begin with `prefix`."""
    for name in named(prefix):
        drop(name)
