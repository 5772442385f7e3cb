"""What the guides tell people to write works as it stands there."""

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests import run
from tests.run import ROOT, patience
from tests.server import Installation, Server
from tests.services import PostgreSQL
from tests.system.calls import call

BLOCK = re.compile(r"^( *)```python\n *# (\S+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
SETTINGS = """
from tests.settings import *

INSTALLED_APPS = [*INSTALLED_APPS, "reports"]
ROOT_URLCONF = "guide_urls"
"""
URLS = """
from django.urls import include, path
from config.urls import handler400, handler500, urlpatterns
import sys

assert "reports.receivers" in sys.modules  # which nothing but its application imports
urlpatterns = [*urlpatterns, path("api/", include("reports.urls"))]
"""


def test_the_guide_for_django(tmp_path: Path) -> None:
    """Its files, written where it says, pass the tests that it gives."""
    text = (ROOT / "docs/django.md").read_text()
    files = {name: textwrap.dedent(code) for _, name, code in BLOCK.findall(text)}
    assert len(files) == 6
    rest = {"reports/__init__.py": "", "reports/migrations/__init__.py": "",
            "tests/conftest.py": (ROOT / "tests/conftest.py").read_text()}  # fmt: skip
    for name, code in {**files, **rest, "guide_settings.py": SETTINGS, "guide_urls.py": URLS}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code)
    [arguments] = re.findall(r"`\.venv/bin/python (-m pytest .*)`", text)
    environment = {name: value for name, value in os.environ.items() if name != run.VARIABLE}  # a run of its own
    command = [sys.executable, *arguments.split(), "-q", "-c", "/dev/null", "--ds", "guide_settings"]
    done = subprocess.run(
        command,
        cwd=tmp_path, env={**environment, "PYTHONPATH": f"{tmp_path}:{ROOT}", "DATABASE_URL": f"sqlite:///{tmp_path}/db"},
        capture_output=True, text=True, timeout=patience(40), check=False,
    )  # fmt: skip
    assert "1 passed" in done.stdout, done.stdout
    assert "Error" not in done.stderr


@pytest.fixture
def postgresql() -> Iterator[PostgreSQL]:
    with closing(PostgreSQL()) as service:
        yield service.start()


@pytest.mark.long
def test_the_guide_for_scaling(installation: Installation, postgresql: PostgreSQL) -> None:
    """Its commands make the first administrator of an empty database, or bring everything along."""
    sqlite = installation.server()
    sqlite.environment["DATABASE_URL"] = f"sqlite:///{installation.folder}/moved.sqlite3"
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/scaling.md").read_text(), re.DOTALL)
    _, fresh, dump, load = (block.replace("var/", f"{installation.folder}/") for block in blocks)
    fresh = fresh.replace(".venv/bin/python manage.py serve\n", "")
    assert "Email:    you@example.com\n" in sh(sqlite, fresh)
    issued = sqlite.manage("token", "create", "--user", "you@example.com", "--name", "CI").strip()
    sh(sqlite, dump)
    assert (installation.folder / "all.json").stat().st_mode & 0o077 == 0
    moved = installation.server()
    moved.environment["DATABASE_URL"] = postgresql.url
    sh(moved, load)
    assert call(moved.start().port, issued).body["identifier"] == issued[:24]
    assert not (installation.folder / "all.json").exists()


def sh(server: Server, commands: str) -> str:
    """What they print."""
    done = subprocess.run(
        ["sh", "-e", "-c", commands.replace(".venv/bin/python", sys.executable)],
        cwd=ROOT, env=server.environment, capture_output=True, text=True, timeout=patience(40), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
