"""The folder of metrics: a killed server's folder is removed, a running server's is not."""

import os
import tempfile
from pathlib import Path

import pytest

from config.server import metrics_folder
from config.server.metrics_folder import FOLDER_PREFIX, MIN_AGE_SECONDS


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def old(folder: Path) -> Path:
    """Return the folder, made to look older than one that a server is about to lock."""
    before = folder.stat().st_mtime - MIN_AGE_SECONDS - 1
    os.utime(folder, (before, before))
    return folder


def test_only_what_a_killed_server_left_is_removed(temporary: Path) -> None:
    killed, fresh, elsewhere = (
        temporary / f"{FOLDER_PREFIX}{name}" for name in ("killed", "fresh", "link")
    )
    others, target = temporary / "tokenry-metrics-of-an-older-release", temporary / "target"
    for folder in (killed, fresh, others, target):
        folder.mkdir()
    (killed / "counter_1.db").touch()
    elsewhere.symlink_to(target)
    for folder in (killed, others, target):
        old(folder)
    running = old(Path(metrics_folder.make()))
    metrics_folder.remove_abandoned()
    assert set(temporary.iterdir()) == {running, fresh, elsewhere, others, target}


def test_the_lock_is_kept_by_what_the_process_becomes(temporary: Path) -> None:
    """`serve` becomes gunicorn. A descriptor that is not inherited would free the lock."""
    path = metrics_folder.make()
    [opened] = [
        int(fd.name) for fd in Path("/proc/self/fd").iterdir() if os.path.realpath(fd) == path
    ]
    assert os.get_inheritable(opened)
    os.close(opened)
    assert metrics_folder.is_abandoned(old(Path(path)))
