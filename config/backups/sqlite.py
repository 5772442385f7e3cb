"""Backup and restore of an SQLite database."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from config.backups.content import Content, content_of


def dump(path: Path) -> Content:
    """Copy the database into a file at `path`, check the copy, and return its content.

    The copy shows the database at one instant. A server may use the database meanwhile.
    """
    connection.ensure_connection()
    with closing(sqlite3.connect(path)) as copy:
        connection.connection.backup(copy)
    return merge_log_and_check(path)


def merge_log_and_check(path: Path) -> Content:
    """Put the write-ahead log into the SQLite file at `path`, so that this file has all data.

    Check the file, and return its content. Raise CommandError if the file is damaged.
    """
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=DELETE")
        [(found, *_), *_] = database.execute("PRAGMA integrity_check")
        if found != "ok":
            raise CommandError(f"The database is damaged: {found}.")
        tables = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        return content_of(database.execute, [name for (name,) in tables])


def migrate(path: Path) -> None:
    """Apply all migrations of this version to the SQLite database at `path`."""
    name = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = path
    try:
        call_command("migrate", interactive=False, verbosity=0)
    finally:
        connection.close()
        connection.settings_dict["NAME"] = name


def remove_write_ahead_log(path: Path) -> None:
    """Put the write-ahead log into the SQLite file at `path`, and remove the log.

    SQLite does this only while no other connection is open. So raise CommandError if a server
    runs.
    """
    connection.close()
    try:
        with closing(sqlite3.connect(path, timeout=0)) as database:
            database.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        raise CommandError(f"{path} is in use ({error}): stop the server first.") from None


def replace(path: Path, draft: Path, *, keep: bool) -> None:
    """Replace the file `path` with the file `draft`.

    With `keep`, the old file is kept too, and its name gets the ending .replaced.
    """
    if keep and path.exists():
        kept = path.with_name(f"{path.name}.replaced")
        kept.unlink(missing_ok=True)
        os.link(path, kept)
    draft.replace(path)
