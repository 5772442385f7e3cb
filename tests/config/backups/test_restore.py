"""`restore` on SQLite."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from accounts.models import User
from config.backups import content, secrets, sqlite
from tests.config.backups.conftest import (
    OTHER,
    SECRETS,
    emails,
    machine,
    say_otherwise,
)


def test_an_empty_machine_gets_the_secrets_too(
    made: Path, var: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with machine(made) as there:
        call_command("restore", str(made))
        assert User.objects.get().email == "owner@example.com"
        assert [found.name for found in there.parent.iterdir()] == [there.name]
    assert secrets.in_use() == SECRETS
    assert {file.stat().st_mode & 0o777 for file in (var / "secret_key", there)} == {0o600}
    assert (
        "Restored and brought up to this version: 1 account, 0 tokens, 0 events."
        in capsys.readouterr().out
    )


def test_data_stay_unless_told(made: Path, var: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with machine(made) as there:
        call_command("migrate", verbosity=0)
        User.objects.create_user(email="new@example.com")
        with pytest.raises(
            CommandError,
            match=r"has data already \(1 account, 0 tokens, 0 events\): nothing was changed",
        ):
            call_command("restore", str(made))
        assert secrets.in_use()["SECRET_KEY"] == OTHER
        call_command("restore", str(made), force=True)
        assert User.objects.get().email == "owner@example.com"
    assert emails(there.with_name("there.sqlite3.replaced")) == ["new@example.com"]
    assert (var / "secret_key.replaced").read_text() == OTHER
    assert "delete the files whose names end in .replaced" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "expected"), [("yes", "owner@example.com"), ("y", "new@example.com")]
)
def test_a_terminal_is_asked(
    made: Path, monkeypatch: pytest.MonkeyPatch, answer: str, expected: str
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    with machine(made):
        call_command("migrate", verbosity=0)
        User.objects.create_user(email="new@example.com")
        try:
            call_command("restore", str(made), force=True)
        except CommandError as error:
            assert str(error) == "Nothing was changed."  # noqa: PT017
        assert User.objects.get().email == expected


def test_nothing_changes_while_a_server_runs(made: Path) -> None:
    with machine(made) as there, closing(sqlite3.connect(there)) as server:
        server.execute("PRAGMA journal_mode=WAL")
        server.execute("SELECT * FROM sqlite_master").fetchall()
        with pytest.raises(CommandError, match="stop the server first"):
            call_command("restore", str(made))
        assert secrets.in_use()["SECRET_KEY"] == OTHER


def test_what_fails_in_the_middle_loses_nothing(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sqlite, "migrate", fail)
    with machine(made) as there:
        call_command("migrate", verbosity=0)
        User.objects.create_user(email="new@example.com")
        with pytest.raises(
            CommandError, match="was not restored, and the database is as it was: No space left"
        ):
            call_command("restore", str(made), force=True)
        assert User.objects.get().email == "new@example.com"
        assert not list(there.parent.glob(".restore-*"))
    assert secrets.in_use()["SECRET_KEY"] == OTHER


def test_an_older_backup_is_brought_up_to_this_version(path: Path) -> None:
    call_command("migrate", "accounts", "0003", verbosity=0)
    call_command("backup", str(path), quiet=True)
    with machine(path):
        call_command("restore", str(path))
        assert "accounts.0004_notification" in content.current_content().migrations


def test_a_newer_backup_is_refused(path: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied)"
            " VALUES ('tokens', '9999_later', '2030-01-01')"
        )
    call_command("backup", str(path), quiet=True)
    with (
        machine(path),
        pytest.raises(
            CommandError, match=r"is newer than this one \(.* has no tokens.9999_later\)"
        ),
    ):
        call_command("restore", str(path))


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"format": 2, "tokenry": "9.0"}, "was made by Tokenry 9.0, which is newer"),
        (
            {"kind": "postgresql"},
            "The backup is of PostgreSQL, but DATABASE_URL names a database of SQLite",
        ),
        ({"rows": {"accounts_user": 7}}, "rows differs from the backup in accounts_user"),
        ({"surprise": 1}, "has no manifest"),
        ({"rows": None}, "has no manifest"),
        ({"migrations": None}, "has no manifest"),
        ({"sha256": None}, "has no manifest"),
        ({"sha256": {}}, "the checksum of database, secrets.env is wrong"),
    ],
)
def test_manifests(made: Path, facts: dict[str, Any], says: str) -> None:
    say_otherwise(made, **facts)
    with machine(made), pytest.raises(CommandError, match=says):
        call_command("restore", str(made))


def broken(whole: bytes) -> dict[str, bytes]:
    middle = len(whole) // 2
    return {
        "another byte": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "the first half": whole[:middle],
        "nothing": b"",
        "something else": b"PK" + bytes(2000),
    }


@pytest.mark.parametrize("how", broken(b"12"))
def test_a_damaged_file_is_refused(made: Path, how: str) -> None:
    made.write_bytes(broken(made.read_bytes())[how])
    with machine(made) as there:
        with pytest.raises(CommandError, match=r"damaged.*Use another backup"):
            call_command("restore", str(made))
        assert not there.exists()
    assert secrets.in_use()["SECRET_KEY"] == OTHER
