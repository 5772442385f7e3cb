"""Migrations run while servers of the previous release answer requests and must go on."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from django.db.migrations import RunPython
from django.db.migrations.loader import MigrationLoader
from django_migration_linter import MigrationLinter

from tests import databases
from tests.services import PostgreSQL

# The last ones without this rule.
BEFORE = {"accounts": "0003_email_in_lower_case", "config": "", "tokens": "0009_expiry_index"}


@pytest.fixture(scope="module", autouse=True)
def postgresql() -> Iterator[None]:
    """Connect to a PostgreSQL, for which the linter has most of its checks."""
    with closing(PostgreSQL()) as server, databases.connected(server.start().url):
        yield


def faulty(app: str, *, old: bool) -> int:
    """Return how many migrations of the app the linter refuses: until BEFORE if `old`, or since.

    The linter prints each migration and the reason: a new column is not null and has no database
    default, a column is dropped or renamed, an index of an old table is not made concurrently.
    """
    names = [name for label, name in MigrationLoader(None).disk_migrations if label == app]
    chosen = [name for name in names if (name <= BEFORE[app]) == old]
    if not chosen:
        return 0
    linter = MigrationLinter(
        include_apps=[app],
        include_name=chosen,
        analyser_string="postgresql",
        no_cache=True,
        all_warnings_as_errors=True,
    )
    linter.lint_all_migrations()
    return int(linter.nb_erroneous)


@pytest.mark.parametrize("app", BEFORE)
def test_the_previous_release_goes_on_working(app: str) -> None:
    assert faulty(app, old=False) == 0


def test_the_linter_finds_fault_with_old_ones() -> None:
    assert faulty("tokens", old=True) > 2


def test_rows_are_not_rewritten_while_a_table_is_locked() -> None:
    """A change of a table locks the table until its transaction ends, after the last row."""
    found = MigrationLoader(None).disk_migrations.items()
    since = {
        key: each.operations for key, each in found if key[0] in BEFORE and key[1] > BEFORE[key[0]]
    }
    kinds = {
        key: {isinstance(one, RunPython) for one in operations}
        for key, operations in since.items()
    }
    assert [key for key, has in kinds.items() if len(has) > 1] == []
    assert {True} in kinds.values()
