"""Databases for tests. One is migrated in each run for each kind of database; all others are copies of it."""

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

from config.environment import database_url
from tests import run

SHARED = os.environ.get("DATABASE_URL", "").startswith("postgres")  # the suite runs on a PostgreSQL that others use too
MIGRATED = f"tokenry_{run.ID}_migrated"
made: list[str] = []  # of the kind that the suite runs on, since the last test ended
blocker: DjangoDbBlocker | None = None  # pytest-django's lock on databases; tests/conftest.py sets it


@contextmanager
def connected(url: str) -> Iterator[None]:
    """Point the ORM of this thread at the database with that URL."""
    settings = database_url(url)
    if settings["ENGINE"].endswith("sqlite3"):
        # As config/settings.py has it, but with more patience.
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
            drop(draft)  # of a process that failed to migrate
            administer(f'CREATE DATABASE "{draft}"')
            migrate(address(draft))
            administer(f'ALTER DATABASE "{draft}" RENAME TO "{MIGRATED}"')
        administer(f'CREATE DATABASE "{name}" TEMPLATE "{MIGRATED}"')  # nobody may be connected to the template
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
        found = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix])
        return [name for (name,) in found]


def drop(name: str) -> None:
    """Drop that database, and whatever is connected to it."""
    administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def drop_all(prefix: str) -> None:
    """Drop the databases whose names begin with `prefix`."""
    for name in named(prefix):
        drop(name)
