"""The command that puts a backup into the database, in place of what is there."""

import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from sqlite3 import Error as SQLiteError
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from accounts.management import confirmation
from config.backups import archive, content, postgresql, protect_secrets, secrets, sqlite
from config.backups.archive import Manifest
from config.environment import dotenv
from config.version import VERSION

KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


class Command(BaseCommand):
    help = (
        "Put a file of `backup` into the database that DATABASE_URL names. Stop the server first."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="the file that `backup` wrote")
        parser.add_argument(
            "--force",
            action="store_true",
            help="replace a database that has data; asks on a terminal",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        protect_secrets()
        path: Path = options["path"].absolute()
        try:
            with tempfile.TemporaryDirectory(prefix=".restore-", dir=working_folder()) as name:
                self.restore(path, Path(name), force=options["force"])
        except (OSError, SQLiteError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise CommandError(
                f"{path} was not restored, and the database is as it was: {why}."
            ) from None

    def restore(self, path: Path, folder: Path, *, force: bool) -> None:
        """Check the backup at `path`, then load its data and secrets.

        `folder` is for temporary files. With `force`, data in the database may be replaced.
        """
        manifest = archive.read_backup(path, folder)
        self.stdout.write(
            f"{path} was made on {manifest.made_at} by Tokenry {manifest.tokenry}: {manifest}."
        )
        backup = dotenv.parse_settings((folder / archive.SECRETS).read_text())
        refuse_another_kind(manifest)
        refuse_a_newer_version(manifest)
        secrets.refuse_different_secrets(backup, path)
        replaced = content.current_content()
        if replaced.has_data:
            self.confirm(replaced, force=force)
        if connection.vendor == "sqlite":
            load_sqlite(folder / archive.DATABASE, backup, keep=replaced.has_data)
        else:
            load_postgresql(folder, backup, in_use=replaced.has_data)
        self.finish(manifest, replaced.has_data)

    def confirm(self, replaced: content.Content, *, force: bool) -> None:
        """Raise CommandError unless the operator agrees to lose the data of the database."""
        held = content.rows_in_words(replaced.rows)
        if not force:
            raise CommandError(
                f"The database that DATABASE_URL names has data already ({held}): nothing was "
                "changed. Restore into an empty one, or replace the data with --force."
            )
        at_terminal = sys.stdin is not None and sys.stdin.isatty()
        confirmation.ask(f"Replace what is there now ({held})?", yes=not at_terminal)

    def finish(self, manifest: Manifest, replaced: bool) -> None:
        """Compare the number of rows with the manifest, and print what the operator must do."""
        rows = content.current_content().rows
        lost = [
            table for table in content.DATA if rows.get(table, 0) != manifest.rows.get(table, 0)
        ]
        if lost:
            raise CommandError(
                f"The number of rows differs from the backup in {', '.join(lost)}: use another "
                "backup."
            )
        self.stdout.write(f"Restored and brought up to this version: {manifest}.")
        if replaced and connection.vendor == "sqlite":
            self.stdout.write(
                "The files from before are still there: delete the files whose names end in "
                ".replaced."
            )
        if manifest.site_url != settings.SITE_URL:
            self.stdout.write(
                f"SITE_URL was {manifest.site_url}: passkeys work only at that address."
            )
        self.stdout.write(
            f"Everything that was revoked, changed or switched off after {manifest.made_at} is as "
            "it was before: do it again."
        )


def working_folder() -> Path | None:
    """Return the folder in which to make a temporary folder. None means the system's default.

    With SQLite this is the folder of the database, because a file can only be moved in one step
    within the same file system.
    """
    return Path(connection.settings_dict["NAME"]).parent if connection.vendor == "sqlite" else None


def refuse_another_kind(manifest: Manifest) -> None:
    if manifest.kind != connection.vendor:
        raise CommandError(
            f"The backup is of {KINDS.get(manifest.kind, manifest.kind)}, but DATABASE_URL names "
            f"a database of {KINDS[connection.vendor]}: restore to the same kind of database. "
            "docs/runbook.md says how to move from SQLite to PostgreSQL."
        )


def refuse_a_newer_version(manifest: Manifest) -> None:
    if newer := content.unknown_migrations(manifest.migrations):
        raise CommandError(
            f"The backup was made by Tokenry {manifest.tokenry}, which is newer than this one "
            f"({VERSION} has no {newer[-1]}): restore with that version or a later one."
        )


def load_sqlite(draft: Path, backup: dict[str, str], *, keep: bool) -> None:
    """Migrate the restored file `draft`, then put it in the place of the database.

    Secrets are written just before. With `keep`, the old files are kept under other names.
    """
    path = Path(connection.settings_dict["NAME"])
    sqlite.merge_log_and_check(draft)
    sqlite.migrate(draft)
    sqlite.merge_log_and_check(draft)
    sqlite.remove_write_ahead_log(path)
    secrets.install(backup, keep=keep)
    sqlite.replace(path, draft, keep=keep)


def load_postgresql(folder: Path, backup: dict[str, str], *, in_use: bool) -> None:
    """Load the dump in one transaction, write the secrets, and apply newer migrations.

    If the database has data (`in_use`), first refuse to go on while a server is connected.
    """
    if in_use:
        postgresql.refuse_other_users()
    postgresql.load(folder / archive.DATABASE, folder)
    secrets.install(backup, keep=in_use)
    call_command("migrate", interactive=False, verbosity=0)
