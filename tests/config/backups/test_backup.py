"""`backup` on SQLite."""

import resource
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection

from accounts.models import User
from config.backups import archive, content
from config.environment import dotenv
from config.management.commands import backup as command
from config.version import VERSION
from tests import databases
from tests.config.backups.conftest import KEY, SECRETS, emails
from tokens.models import Job


def test_a_backup_is_one_file_that_nobody_else_may_read(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("backup", str(path))
    assert (
        "Checked: 1 account, 0 tokens, 0 events, and SECRET_KEY, TOKEN_PEPPERS, TOKEN_PREFIX."
        in capsys.readouterr().out
    )
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]
    manifest = archive.read_backup(path, path.parent)
    assert (manifest.kind, manifest.rows["accounts_user"], manifest.tokenry) == (
        "sqlite",
        1,
        VERSION,
    )
    assert content.unknown_migrations(manifest.migrations) == []
    assert dotenv.parse_settings((path.parent / archive.SECRETS).read_text()) == SECRETS
    assert emails(path.parent / archive.DATABASE) == ["owner@example.com"]
    assert KEY not in (path.parent / archive.DATABASE).read_text(errors="replace")


def test_quiet_prints_nothing(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("backup", str(path), quiet=True)
    assert capsys.readouterr() == ("", "")


def test_stdout(path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    call_command("backup", "-")
    assert Job.last_successes()["backup"]  # the daily backup of compose is such a one
    path.write_bytes(capfdbinary.readouterr().out)
    assert archive.read_backup(path).rows["accounts_user"] == 1
    assert Job.objects.filter(pk="backup").exists()


def test_a_database_that_takes_no_note_is_backed_up(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(name: str) -> None:
        raise DatabaseError("no such table: tokens_job")

    monkeypatch.setattr(Job, "record_success", refuse)
    call_command("backup", str(path), quiet=True)
    assert archive.read_backup(path).rows["accounts_user"] == 1
    assert (
        "its time could not be stored in the database: no such table: tokens_job."
        in capsys.readouterr().err
    )


def test_a_database_that_is_not_migrated_yet(path: Path) -> None:
    """Whoever has the new version already, and backs up before `migrate`."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE tokens_job")
    call_command("backup", str(path), quiet=True)
    assert archive.read_backup(path).rows["accounts_user"] == 1


def test_a_file_that_exists_stays_unless_told(made: Path) -> None:
    before = made.read_bytes()
    with pytest.raises(
        CommandError, match="exists: name another file, or replace it with --force"
    ):
        call_command("backup", str(made), quiet=True)
    assert made.read_bytes() == before
    User.objects.create_user(email="second@example.com")
    call_command("backup", str(made), force=True, quiet=True)
    assert archive.read_backup(made).rows["accounts_user"] == 2


@pytest.mark.parametrize("name", ["none/tokenry.tar", "."])
def test_a_name_that_is_no_file(path: Path, name: str) -> None:
    with pytest.raises(CommandError, match="name a file, in a folder that exists"):
        call_command("backup", str(path.parent / name))


def test_an_empty_database_is_no_backup(tmp_path: Path) -> None:
    with (
        databases.connected(f"sqlite:///{tmp_path}/empty.sqlite3"),
        pytest.raises(CommandError, match="there is nothing to back up"),
    ):
        call_command("backup", str(tmp_path / "x.tar"), quiet=True)
    assert not (tmp_path / "x.tar").exists()


@pytest.mark.parametrize(
    "room", [0.5, 1.01], ids=["for half the database", "for the database and no more"]
)
def test_a_full_disk_leaves_nothing(path: Path, room: float) -> None:
    """A limit on the size of files stands for the disk."""
    User.objects.exists()  # what the connection itself has to write is written
    size = Path(connection.settings_dict["NAME"]).stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (round(room * size), limits[1]))
    try:
        with pytest.raises(CommandError, match="No backup was written to"):
            call_command("backup", str(path), quiet=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(path.parent.iterdir()) == []


def test_a_name_that_is_taken_meanwhile(tmp_path: Path) -> None:
    whole, taken = tmp_path / "whole", tmp_path / "taken"
    whole.touch()
    taken.write_text("another's")
    with pytest.raises(CommandError, match="exists"):
        command.publish(whole, taken, force=False)
    assert taken.read_text() == "another's"
