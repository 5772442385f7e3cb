"""The command that writes a backup: one file with the database and its secrets."""

import os
import shutil
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from sqlite3 import Error as SQLiteError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.utils import timezone

from config.backups import archive, postgresql, protect_secrets, secrets, sqlite
from config.backups.archive import Manifest
from config.error_pages import first_line
from config.version import VERSION
from tokens.models import Job


class Command(BaseCommand):
    help = (
        "Write the database and the secrets that belong to it into one file, which `restore` "
        "reads. The file is a secret."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "path", help="the file to write, such as tokenry-2026-11-29.tar; - means stdout"
        )
        parser.add_argument(
            "--force", action="store_true", help="replace the file if there is one"
        )
        parser.add_argument("--quiet", action="store_true", help="print nothing unless it fails")

    def handle(self, *args: Any, **options: Any) -> None:
        protect_secrets()
        to_stdout = options["path"] == "-"
        path = Path(options["path"]).absolute()
        self.say = (
            (lambda _: None)
            if options["quiet"]
            else (self.stderr if to_stdout else self.stdout).write
        )
        if not to_stdout:
            refuse_a_taken_name(path, force=options["force"])
        try:
            with tempfile.TemporaryDirectory(
                prefix=".backup-", dir=None if to_stdout else path.parent
            ) as name:
                whole = self.make(Path(name))
                if to_stdout:
                    with whole.open("rb") as file:
                        shutil.copyfileobj(file, sys.stdout.buffer)
                    sys.stdout.buffer.flush()  # fails if the reader is gone
                else:
                    size = whole.stat().st_size
                    publish(whole, path, force=options["force"])
                    self.say(
                        f"{path} has {size / 1_000_000:,.1f} MB. Keep it secret: it holds "
                        "everything that your installation knows."
                    )
        except (OSError, SQLiteError) as error:
            raise CommandError(
                f"No backup was written to {options['path']}: {reason(error)}"
            ) from None
        self.record_success()

    def record_success(self) -> None:
        """Record in the database when this backup was made.

        If this is not possible, print a warning: the backup is good all the same. For example, the
        tables may be those of an older release.
        """
        try:
            Job.record_success("backup")
        except DatabaseError as error:
            self.stderr.write(
                "The backup is complete, but its time could not be stored in the database: "
                f"{first_line(error)}."
            )

    def make(self, folder: Path) -> Path:
        """Make the backup in `folder`, check it, and return the path of its file."""
        self.say("Copying the database ...")
        content = (sqlite if connection.vendor == "sqlite" else postgresql).dump(
            folder / archive.DATABASE
        )
        if not content.migrations:
            raise CommandError(
                "The database that DATABASE_URL names has no tables: there is nothing to back up."
            )
        (folder / archive.SECRETS).write_text(secrets.as_env_lines(secrets.in_use()))
        manifest = Manifest(
            tokenry=VERSION,
            made_at=f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}",
            kind=connection.vendor,
            site_url=settings.SITE_URL,
            rows=content.rows,
            migrations=content.migrations,
            sha256={
                name: archive.file_checksum(folder / name)
                for name in (archive.DATABASE, archive.SECRETS)
            },
        )
        whole = archive.pack(folder, manifest)
        held = archive.read_backup(whole)
        self.say(f"Checked: {held}, and {', '.join(secrets.in_use())}.")
        return whole


def refuse_a_taken_name(path: Path, *, force: bool) -> None:
    """Raise CommandError if `path` exists (unless `force` is True), or its folder does not."""
    if path.is_dir() or not path.parent.is_dir():
        raise CommandError(f"{path} can't be written: name a file, in a folder that exists.")
    if path.exists() and not force:
        raise CommandError(f"{path} exists: name another file, or replace it with --force.")


def publish(whole: Path, path: Path, *, force: bool) -> None:
    """Move the backup `whole` to `path`. The file is there even after a power failure."""
    refuse_a_taken_name(path, force=force)  # somebody may have made the file meanwhile
    whole.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) and error.strerror else str(error)) + "."
