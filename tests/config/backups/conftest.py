"""A machine, a backup of it, and what changes a backup."""

import io
import json
import os
import signal
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django import Settings

from accounts.models import User
from config.backups import archive, secrets
from tests import databases

KEY, FALLBACK, OTHER = "k" * 40, "f" * 40, "o" * 40
SECRETS = {"SECRET_KEY": KEY, "TOKEN_PEPPERS": f"1:{KEY},2:{FALLBACK}", "TOKEN_PREFIX": "tkn"}


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Put back what the commands change of their process."""
    umask, handler = os.umask(0o022), signal.getsignal(signal.SIGTERM)
    yield
    os.umask(umask)
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture(autouse=True)
def var(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose secrets were made on its first start."""
    settings.VAR_DIR = tmp_path / "var"
    settings.VAR_DIR.mkdir()
    for name, value in (("secret_key", KEY), ("token_peppers", SECRETS["TOKEN_PEPPERS"])):
        (settings.VAR_DIR / name).write_text(value)
    for name in secrets.NAMES:
        monkeypatch.delenv(name, raising=False)
    return Path(settings.VAR_DIR)


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Where a backup may be written of an installation that has one account."""
    with databases.connected(databases.sqlite(tmp_path / "here.sqlite3")):
        User.objects.create_user(email="owner@example.com")
        (tmp_path / "backups").mkdir()
        yield tmp_path / "backups/tokenry.tar"


@pytest.fixture
def made(path: Path) -> Path:
    """A backup of that installation."""
    call_command("backup", str(path), quiet=True)
    return path


@contextmanager
def machine(made: Path) -> Iterator[Path]:
    """Yield another machine that Tokenry once ran on: its own secrets and an empty database."""
    folder = made.parent.parent / "there"
    folder.mkdir()
    for name, value in (("secret_key", OTHER), ("token_peppers", f"1:{OTHER}")):
        (made.parent.parent / "var" / name).write_text(value)
    with databases.connected(f"sqlite:///{folder}/there.sqlite3"):
        yield folder / "there.sqlite3"


def changed(made: Path, name: str, content: bytes) -> None:
    """Put another file of that name into the backup."""
    with tarfile.open(made) as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    with tarfile.open(made, "w") as tar:
        for each, held in (members | {name: content}).items():
            member = tarfile.TarInfo(each)
            member.size = len(content if each == name else held)
            tar.addfile(member, io.BytesIO(content if each == name else held))


def say_otherwise(made: Path, **facts: Any) -> None:
    """Change the manifest of the backup."""
    with tarfile.open(made) as tar:
        manifest = json.load(tar.extractfile(archive.MANIFEST))  # type: ignore[arg-type]
    changed(made, archive.MANIFEST, json.dumps(manifest | facts).encode())


def emails(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return [email for (email,) in database.execute("SELECT email FROM accounts_user")]
