"""The secrets of a backup, and those of the machine that restores the backup."""

from pathlib import Path

import pytest
from django.core.management.base import CommandError

from config.backups import secrets
from config.environment import dotenv
from tests.config.backups.conftest import FALLBACK, KEY, OTHER, SECRETS


@pytest.mark.parametrize(
    ("here", "wrong"),
    [
        ({}, []),  # made in var/, where the backup's take their place
        (SECRETS, []),
        ({"SECRET_KEY": OTHER}, ["SECRET_KEY"]),
        ({"SECRET_KEY": OTHER, "SECRET_KEY_FALLBACKS": f"{FALLBACK},{KEY}"}, []),
        ({"TOKEN_PEPPERS": f"3:{OTHER},2:{FALLBACK},1:{KEY}", "TOKEN_PEPPER_CURRENT": "3"}, []),
        ({"TOKEN_PEPPERS": f"2:{FALLBACK}"}, ["TOKEN_PEPPERS"]),
        ({"TOKEN_PEPPERS": f"1:{OTHER},2:{FALLBACK}"}, ["TOKEN_PEPPERS"]),
        ({"TOKEN_PREFIX": "acme"}, ["TOKEN_PREFIX"]),
        ({"TOKEN_PREFIX": "acme,tkn"}, []),
    ],
)
def test_secrets_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, here: dict[str, str], wrong: list[str]
) -> None:
    for name, value in here.items():
        monkeypatch.setenv(name, value)
    if not wrong:
        secrets.refuse_different_secrets(SECRETS, Path("x.tar"))
        return
    with pytest.raises(CommandError) as raised:
        secrets.refuse_different_secrets(SECRETS, Path("x.tar"))
    assert str(raised.value).startswith(
        f"{' and '.join(wrong)} must have the values of the backup"
    )
    assert not any(part in str(raised.value) for part in (KEY, FALLBACK, OTHER))


def test_fallbacks_of_the_backup_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    backup = SECRETS | {"SECRET_KEY_FALLBACKS": FALLBACK}
    with pytest.raises(CommandError, match="SECRET_KEY_FALLBACKS must have"):
        secrets.refuse_different_secrets(backup, Path("x.tar"))
    monkeypatch.setenv("SECRET_KEY_FALLBACKS", FALLBACK)
    secrets.refuse_different_secrets(backup, Path("x.tar"))


def test_secrets_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "peppers").write_text(f"1:{OTHER}\n")
    monkeypatch.setenv("TOKEN_PEPPERS_FILE", str(tmp_path / "peppers"))
    assert secrets.in_use()["TOKEN_PEPPERS"] == f"1:{OTHER}"
    assert secrets.replaceable_secrets() == ["SECRET_KEY"]


def test_a_relative_path_means_the_same_in_every_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("config.environment.secret_values.BASE_FOLDER", tmp_path)
    (tmp_path / "peppers").write_text(f"1:{OTHER}\n")
    monkeypatch.setenv("TOKEN_PEPPERS_FILE", "peppers")
    assert secrets.in_use()["TOKEN_PEPPERS"] == f"1:{OTHER}"


@pytest.mark.parametrize(
    "value", ["a-b_c.d/e+f=", "with space", 'a"b', "a\\b", "a#b", "'", "$HOME"]
)
def test_lines_are_read_as_written(value: str) -> None:
    assert dotenv.parse_settings(secrets.as_env_lines({"SECRET_KEY": value})) == {
        "SECRET_KEY": value
    }
