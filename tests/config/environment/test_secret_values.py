"""Secrets from files, and where none are made."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environment import variables
from config.environment.variables import setting
from tests.config.test_settings import manage
from tests.elsewhere import Elsewhere
from tests.run import ROOT

SECRET = "s" * 40
POSTGRESQL = "postgres://nobody@127.0.0.1:1/none"
VALUES = {
    "SECRET_KEY": SECRET,
    "SECRET_KEY_FALLBACKS": f"{'a' * 32}, {'b' * 32}",
    "TOKEN_PEPPERS": f"2:{'q' * 40},1:{'p' * 40}",
    "DATABASE_URL": POSTGRESQL,
    "REDIS_URL": "redis://:password@127.0.0.1:1/0",
    "EMAIL_URL": "smtp://user:password@127.0.0.1:1",
    "METRICS_TOKEN": "m" * 40,
}


def read() -> str:
    return setting("SECRET_KEY", "", variables.at_least(32), secret=True)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where SECRET_KEY_FILE says that the value is."""
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "hunter2"))
    return tmp_path / "hunter2"


@pytest.mark.parametrize("text", [SECRET, f"{SECRET}\n", f"{SECRET}\r\n"])
def test_a_file(path: Path, text: str) -> None:
    path.write_bytes(text.encode())
    assert read() == SECRET


def test_an_empty_variable_is_none(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(SECRET)
    monkeypatch.setenv("SECRET_KEY", " ")
    assert read() == SECRET


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda _: None, "No such file or directory"),
        (Path.mkdir, "this is not a regular file"),
        (os.mkfifo, "this is not a regular file"),
        (Path.touch, "the file is empty"),
        (lambda path: path.write_text(" \n"), "the file is empty"),
        (
            lambda path: path.write_text(f"{SECRET}\n{SECRET}\n"),
            "the file has several lines, or control characters",
        ),
        (lambda path: path.write_bytes(b"\xff" * 40), "the file is not UTF-8 text"),
        (lambda path: path.write_text("s" * 100_001), "the file has over 100000 characters"),
    ],
    ids=["missing", "folder", "pipe", "empty", "blank", "two lines", "bytes", "huge"],
)
def test_a_file_without_a_value(path: Path, make: object, why: str) -> None:
    assert callable(make)
    make(path)
    with pytest.raises(ImproperlyConfigured) as raised:
        read()
    assert str(raised.value) == (
        f"SECRET_KEY_FILE can't be used: {why}. It takes the path of a file that user "
        f"{os.geteuid()} can read, with the value of SECRET_KEY on one line."
    )


def test_a_value_in_place_of_a_path_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.setenv("SECRET_KEY_FILE", "hunter2" * 60)
    with pytest.raises(ImproperlyConfigured, match=r"File name too long|No such file") as raised:
        read()
    assert "hunter2" not in str(raised.value)


def test_both(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(SECRET)
    monkeypatch.setenv("SECRET_KEY", SECRET)
    with pytest.raises(
        ImproperlyConfigured,
        match=r"^SECRET_KEY and SECRET_KEY_FILE are both set; keep one of them\.$",
    ):
        read()


def test_a_wrong_value_in_a_file_is_not_quoted(path: Path) -> None:
    path.write_text("hunter2")
    with pytest.raises(
        ImproperlyConfigured, match=r"^SECRET_KEY is set to a value that can't be used"
    ) as raised:
        read()
    assert "hunter2" not in str(raised.value)


def test_every_secret_may_come_from_a_file_that_env_names(tmp_path: Path) -> None:
    text = "".join((ROOT / f"config/{name}.py").read_text() for name in ("settings", "databases"))
    names = [
        *re.findall(r'setting\(\s*"([A-Z_]+)",[^=]*secret=True', text),
        "DATABASE_URL",
    ]  # chosen by config.databases
    assert set(names) == set(VALUES)
    assert len(names) == text.count("secret=True")
    for name, value in VALUES.items():
        (tmp_path / name).write_text(f"{value}\n")
    (tmp_path / "env").write_text("".join(f"{name}_FILE={tmp_path}/{name}\n" for name in VALUES))
    code = (
        # Django 6.1 and later have MAILERS.
        "from django.conf import settings as s; mails = getattr(s, 'MAILERS', None);"
        "password = mails['default']['OPTIONS']['password'] if mails else s.EMAIL_HOST_PASSWORD;"
        "print(s.SECRET_KEY, s.SECRET_KEY_FALLBACKS, s.TOKEN_PEPPERS,"
        "s.DATABASES['default']['USER'], s.REDIS_URL, password, s.METRICS_TOKEN)"
    )
    changes = dict.fromkeys(VALUES, "")
    shown = manage("shell", "--no-imports", "-c", code, **changes, ENV_FILE=str(tmp_path / "env"))
    assert shown.stdout.split("\n")[0] == (
        f"{SECRET} {['a' * 32, 'b' * 32]} { ({2: 'q' * 40, 1: 'p' * 40}) } nobody"
        f" {VALUES['REDIS_URL']} password {'m' * 40}"
    ), shown.stderr


@pytest.mark.parametrize("name", ["SECRET_KEY", "TOKEN_PEPPERS"])
def test_with_postgresql_no_secret_is_made(name: str) -> None:
    ended = manage("check", DATABASE_URL=POSTGRESQL, **{name: ""})
    assert ended.returncode == 1
    assert ended.stderr.startswith(
        f"tokenry: {name} is not set. With PostgreSQL Tokenry makes no value itself, because "
    )
    assert ended.stderr.count("\n") == 1
    [code] = re.findall(r"python3 -c '(.*?)'", ended.stderr)
    made = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert manage("check", DATABASE_URL=POSTGRESQL, **{name: made}).returncode == 0


def test_what_sqlite_had_is_named_and_can_be_kept(tmp_path: Path) -> None:
    elsewhere = Elsewhere(tmp_path)
    assert elsewhere.manage("check").returncode == 0
    made = {name: (elsewhere.var / name).read_text() for name in ("secret_key", "token_peppers")}
    ended = elsewhere.manage("check", DATABASE_URL=POSTGRESQL)
    assert ended.stderr.rstrip().endswith(
        ". Or keep the value that SQLite had: SECRET_KEY_FILE=var/secret_key"
    )
    files = {"SECRET_KEY_FILE": "var/secret_key", "TOKEN_PEPPERS_FILE": "var/token_peppers"}
    code = "from django.conf import settings as s; print(s.SECRET_KEY, s.TOKEN_PEPPERS[1])"
    shown = elsewhere.manage("shell", "--no-imports", "-c", code, DATABASE_URL=POSTGRESQL, **files)
    assert shown.stdout == f"{made['secret_key']} {made['token_peppers'].removeprefix('1:')}\n"
