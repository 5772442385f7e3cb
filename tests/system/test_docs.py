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
from tests.system.web_services import FILES, FOLDER, LEASED
from tokens.token_settings import SETTINGS as SETTINGS_OF_TOKENS

BLOCK = re.compile(r"^( *)```python\n *# (\S+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
GUIDE = ROOT / "docs/standalone.md"


def unindented(code: str) -> str:
    """Return the lines of `code` without the blanks at their beginning."""
    return "\n".join(line.strip() for line in code.strip().splitlines())


def test_the_guide_for_projects() -> None:
    """It shows parts of the project that `make test-project` runs, word for word."""
    text = (ROOT / "docs/django.md").read_text()
    blocks = BLOCK.findall(text)
    assert len(blocks) >= 7
    for _, name, code in blocks:
        lines = unindented((ROOT / "tests/project" / name).read_text())
        assert unindented(code) in lines, name
    for name in [*SETTINGS_OF_TOKENS, "PEPPER_CURRENT"]:
        assert f"| `{name}` |" in text


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    """Return a folder with the files of the guide for the standalone product."""
    files = {name: textwrap.dedent(code) for _, name, code in BLOCK.findall(GUIDE.read_text())}
    assert len(files) == 8
    for name, code in {
        **files,
        "reports/__init__.py": "",
        "reports/migrations/__init__.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code)
    return tmp_path


def test_the_guide_for_the_standalone_product(guide: Path) -> None:
    """Its files pass the test that the guide gives."""
    [arguments] = re.findall(r"`\.venv/bin/python (-m pytest .*)`", GUIDE.read_text())
    environment = {
        name: value for name, value in os.environ.items() if name != run.VARIABLE
    }  # a run of its own
    done = subprocess.run(
        [sys.executable, *arguments.replace("/srv/acme", str(guide)).split(), "-q", "-n0"],
        cwd=ROOT, env={**environment, "TOKENRY_SETTINGS": f"{guide}/local.py",
                       "DATABASE_URL": f"sqlite:///{guide}/db"},
        capture_output=True, text=True, timeout=patience(40), check=False,
    )  # fmt: skip
    assert "1 passed" in done.stdout, done.stdout
    assert "Error" not in done.stderr


def test_a_server_with_the_applications_of_the_guide(
    guide: Path, installation: Installation
) -> None:
    server = installation.server()
    server.environment["TOKENRY_SETTINGS"] = f"{guide}/local.py"
    assert "reports.0001_scopes... OK" in server.manage("migrate")
    code = "import sys; print('reports.receivers' in sys.modules)"
    assert server.manage("shell", "--no-imports", "-c", code).strip() == "True"
    value = installation.issue(scopes=["reports:read"])
    refused = installation.issue("Without scopes")
    server.start()
    answers = [call(server.port, token, "/api/reports") for token in (value, refused, value[:-1])]
    assert [answer.status for answer in answers] == [200, 403, 401]
    assert answers[0].body == {"for": installation.email, "with": value[:24]}
    assert answers[1].body["code"] == "insufficient_scope"
    assert call(server.port, value, "/api/status").body == {"status": "fine"}
    assert server.stop() == 0


def test_the_guide_for_services() -> None:
    """It shows each file as it is, and tests/system/ runs the files."""
    text = (ROOT / "docs/services.md").read_text()
    shown = re.findall(r"^```\w+\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert shown == [(FOLDER / name).read_text() for name in [*FILES.values(), LEASED]]


@pytest.fixture
def postgresql() -> Iterator[PostgreSQL]:
    with closing(PostgreSQL()) as service:
        yield service.start()


@pytest.mark.long
def test_the_guide_for_scaling(installation: Installation, postgresql: PostgreSQL) -> None:
    """The guide's commands create an empty database's first administrator, or move the data."""
    sqlite = installation.server()
    sqlite.environment["DATABASE_URL"] = f"sqlite:///{installation.folder}/moved.sqlite3"
    runbook = (
        (ROOT / "docs/runbook.md")
        .read_text()
        .partition("\n## Move from SQLite")[2]
        .partition("\n## ")[0]
    )
    text = (ROOT / "docs/scaling.md").read_text() + runbook
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    blocks = [
        textwrap.dedent(block).replace("var/", f"{installation.folder}/") for block in blocks
    ]
    [fresh] = [block for block in blocks if "create_first_administrator" in block]
    dump, load = blocks[-2:]
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
    """Run the commands and return what they print."""
    done = subprocess.run(
        ["sh", "-e", "-c", commands.replace(".venv/bin/python", sys.executable)],
        cwd=ROOT, env=server.environment, capture_output=True, text=True, timeout=patience(40),
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
