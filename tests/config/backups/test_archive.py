"""Which files are backups."""

import os
import tarfile
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from config.backups import archive
from tests.config.backups.conftest import changed


@pytest.mark.parametrize(
    "text", [b"[]", b"1", b"[" * 100_000], ids=["a list", "a number", "too deep"]
)
def test_manifests_that_are_none(made: Path, text: bytes) -> None:
    changed(made, archive.MANIFEST, text)
    with pytest.raises(CommandError, match=r"is no backup, or is damaged.*Use another backup"):
        archive.read_backup(made)


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE]
)
def test_a_link_is_no_file_of_a_backup(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo(archive.DATABASE)
    member.type, member.linkname = kind, "/etc/passwd"
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        tar.addfile(member)
    with pytest.raises(CommandError, match=r"is no backup, or is damaged.*Use another backup"):
        archive.read_backup(tmp_path / "x.tar", tmp_path)
    assert not (tmp_path / archive.DATABASE).exists()


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.tar")
    with pytest.raises(CommandError, match="this is not a regular file"):
        archive.read_backup(tmp_path / "x.tar")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no file"):
        archive.read_backup(tmp_path / "none.tar")


def test_a_compressed_file_is_read(made: Path) -> None:
    import gzip

    made.write_bytes(gzip.compress(made.read_bytes()))
    assert archive.read_backup(made).rows["accounts_user"] == 1
