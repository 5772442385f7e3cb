"""After a first start as root, another user gets one line that names the file, no traceback."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from config.server.start_checks import check_files_are_usable
from tests import databases
from tests.config.test_settings import SECRETS
from tests.elsewhere import BOUND, Elsewhere

pytestmark = pytest.mark.skipif(
    bool(BOUND) and not shutil.which("setpriv"), reason="root, without setpriv"
)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Elsewhere:
    return Elsewhere(tmp_path)


def check_refused(ended: subprocess.CompletedProcess[str], words: str) -> None:
    assert ended.stderr.startswith("tokenry: ")
    assert words in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.returncode == 1


@pytest.mark.parametrize("mode", [0o000, 0o500])
def test_a_folder_for_secrets(elsewhere: Elsewhere, mode: int) -> None:
    elsewhere.var.mkdir(mode=mode)
    words = f"SECRET_KEY is not set, and {elsewhere.var}/secret_key can't be used by user "
    check_refused(elsewhere.manage("check"), words)


def test_a_secret(elsewhere: Elsewhere) -> None:
    elsewhere.var.mkdir()
    (elsewhere.var / "token_peppers").touch(mode=0)
    words = f"TOKEN_PEPPERS is not set, and {elsewhere.var}/token_peppers can't be used by user "
    check_refused(elsewhere.manage("check", SECRET_KEY="k" * 50), words)


def test_the_folder_of_the_installation(elsewhere: Elsewhere) -> None:
    elsewhere.folder.chmod(0o500)
    check_refused(elsewhere.manage("check"), f"{elsewhere.var} can't be used by user ")


def test_settings(elsewhere: Elsewhere) -> None:
    (elsewhere.folder / ".env").touch(mode=0)
    check_refused(
        elsewhere.manage("check"), f"{elsewhere.folder}/.env can't be read: Permission denied"
    )


def test_static_files_that_are_to_be_made(elsewhere: Elsewhere) -> None:
    elsewhere.var.mkdir()
    (elsewhere.var / "static").mkdir(mode=0o500)
    check_refused(
        elsewhere.manage("collectstatic", "--no-input", **SECRETS), f"{elsewhere.var}/static/"
    )


def test_static_files_that_are_to_be_served(elsewhere: Elsewhere) -> None:
    elsewhere.var.joinpath("static").mkdir(parents=True)
    elsewhere.var.joinpath("static/staticfiles.json").touch(mode=0)
    check_refused(
        elsewhere.manage("serve", **SECRETS),
        f"{elsewhere.var}/static/staticfiles.json can't be used by user ",
    )


@pytest.mark.parametrize("mode", [0o000, 0o400])
def test_a_database(elsewhere: Elsewhere, mode: int) -> None:
    elsewhere.var.mkdir()
    databases.sqlite(elsewhere.var / "tokenry.sqlite3")
    (elsewhere.var / "tokenry.sqlite3").chmod(mode)
    check_refused(
        elsewhere.manage("serve", **SECRETS),
        "the database that DATABASE_URL names can't be used: ",
    )


@pytest.mark.django_db
def test_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/proc/none"])
    with pytest.raises(
        CommandError,
        match=r"^No usable temporary directory found in \['/proc/none'\]\. TMPDIR can name",
    ):
        check_files_are_usable()
