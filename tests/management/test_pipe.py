"""`manage.py token` in a shell: what goes to standard output, and what happens if that fails."""

import subprocess
import sys
from typing import Any

import pytest

from tests.management.test_issue import WARNING
from tests.run import ROOT, patience
from tests.server import Installation
from tokens.authentication import credentials


def manage(
    installation: Installation, *arguments: str, **options: Any
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "token", *arguments],
        cwd=ROOT, env=installation.server().environment, stderr=subprocess.PIPE, text=True,
        check=False, timeout=patience(20),
        **{"stdout": subprocess.PIPE, **options},
    )  # fmt: skip


@pytest.mark.long
def test_in_a_pipe(installation: Installation) -> None:
    """Standard output is the value and a newline. A command that fails prints nothing there."""
    made = manage(installation, "create", "--user", installation.email, "--name", "CI")
    value = credentials.parse(made.stdout.removesuffix("\n"), ("tkn",)).value
    assert (made.returncode, made.stdout) == (0, f"{value}\n")
    assert made.stderr.endswith(f"{WARNING}\n")
    assert value[24:] not in made.stderr

    refused = manage(installation, "renew", value)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert value[24:] not in refused.stderr
    misplaced = manage(installation, value)
    assert (misplaced.returncode, misplaced.stdout) == (2, "")
    assert value[24:] not in misplaced.stderr

    with open("/dev/full", "w") as full:  # noqa: PTH123
        lost = manage(installation, "renew", value[:24], stdout=full)
        listed = manage(installation, "list", stdout=full)
    assert lost.returncode != 0
    words = "Standard output can't be written: No space left on device."
    assert f"{words} The value is lost: revoke the token.\n" in lost.stderr
    assert f"{words}\n" in listed.stderr
    assert "Traceback" not in lost.stderr + listed.stderr

    create = f"create --user {installation.email} --name Unseen"
    closed = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} manage.py token {create} >&-"],
        cwd=ROOT, env=installation.server().environment, stderr=subprocess.PIPE, text=True,
        check=False, timeout=patience(20),
    )  # fmt: skip
    assert (closed.returncode, "No token is made." in closed.stderr) == (1, True)
    assert "Unseen" not in manage(installation, "list").stdout
