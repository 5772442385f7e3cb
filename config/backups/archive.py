"""The file of a backup: a tar with the database, the secrets, and a manifest with checksums."""

import hashlib
import json
import os
import tarfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from django.core.management.base import CommandError

from config.backups.content import rows_in_words
from config.error_pages import first_line

FORMAT = 1  # number of the file format; a release that changes the format adds 1
DATABASE, SECRETS, MANIFEST = "database", "secrets.env", "manifest.json"
CHUNK = 1_048_576  # bytes


@dataclass(frozen=True)
class Manifest:
    """The facts about a backup, which are stored in the backup as JSON."""

    tokenry: str  # the version that made the backup
    made_at: str
    kind: str  # of database: "sqlite" or "postgresql"
    site_url: str
    rows: dict[str, int]  # number of rows by table
    migrations: list[str]
    sha256: dict[str, str]  # checksum by file name
    format: int = FORMAT

    def __str__(self) -> str:
        return rows_in_words(self.rows)


def file_checksum(path: Path) -> str:
    """Return the SHA-256 of the file at `path`, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pack(folder: Path, manifest: Manifest) -> Path:
    """Write a tar of the backup's files, which are in `folder`. Return the path of the tar.

    The tar is in `folder` too. It is safely on the disk when this function returns.
    """
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=2) + "\n")
    path = folder / "backup.tar"
    with path.open("wb") as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            for name in (MANIFEST, SECRETS, DATABASE):
                tar.add(folder / name, name)
        file.flush()
        os.fsync(file.fileno())
    return path


def read_backup(path: Path, folder: Path | None = None) -> Manifest:
    """Check the checksums of the backup at `path`, and return its manifest.

    If `folder` is given, write the files of the backup into it. Raise CommandError if the file at
    `path` is no backup, or is damaged.
    """
    found: dict[str, str] = {}
    manifest: object = {}
    if path.exists() and not path.is_file():  # reading a pipe could wait forever
        raise CommandError(f"{path} is no backup: this is not a regular file.")
    try:
        with tarfile.open(path) as tar:
            for member in filter(tarfile.TarInfo.isreg, tar):
                content = tar.extractfile(member)
                if content and member.name == MANIFEST:
                    manifest = json.load(content)
                elif content and member.name in {SECRETS, DATABASE}:
                    found[member.name] = copy_and_hash(
                        content, folder / member.name if folder else None
                    )
    except FileNotFoundError:
        raise CommandError(f"There is no file {path}.") from None
    except (tarfile.TarError, EOFError, zlib.error, ValueError, RecursionError) as error:
        raise CommandError(
            f"{path} is no backup, or is damaged: {first_line(error)}. Use another backup."
        ) from None
    return checked_manifest(path, manifest, found)


def copy_and_hash(content: IO[bytes], target: Path | None) -> str:
    """Return the SHA-256 of `content`. If `target` is given, write `content` into this file."""
    digest = hashlib.sha256()
    with (target or Path(os.devnull)).open("wb") as file:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def checked_manifest(path: Path, manifest: object, found: dict[str, str]) -> Manifest:
    """Return the manifest of the backup at `path`.

    `manifest` is the parsed JSON, and `found` has the checksum of each file in the backup. Raise
    CommandError if a newer release made the backup, or if a checksum is wrong.
    """
    facts = manifest if isinstance(manifest, dict) else {}
    if facts.get("format", FORMAT) != FORMAT:
        raise CommandError(
            f"{path} was made by Tokenry {facts.get('tokenry')}, which is newer: restore with "
            "that version."
        )
    try:
        made = Manifest(**facts)
        whole = (
            isinstance(made.rows, dict)
            and isinstance(made.migrations, list)
            and isinstance(made.sha256, dict)
        )
    except TypeError:
        whole = False
    if not whole:
        raise CommandError(
            f"{path} is no backup, or is damaged: it has no manifest. Use another backup."
        )
    wrong = sorted(
        name for name in {SECRETS, DATABASE} if found.get(name) != made.sha256.get(name)
    )
    if wrong:
        raise CommandError(
            f"{path} is damaged: the checksum of {', '.join(wrong)} is wrong. Use another backup."
        )
    return made
