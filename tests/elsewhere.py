"""An installation in another folder, with its own .env and var/."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.run import ROOT, patience
from tests.server import free_port

# Root can open every file. Without these capabilities root must obey permissions, as other users
# do.
BOUND = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


class Elsewhere:
    """A copy of the product's settings and commands in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.var = folder / "var"
        shutil.copytree(
            ROOT / "config", folder / "config", ignore=shutil.ignore_patterns("__pycache__")
        )
        for name in ("static", "templates"):
            shutil.copytree(ROOT / name, folder / name)
        shutil.copy(ROOT / "manage.py", folder)

    def manage(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a user who must obey the permissions of files."""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PORT": str(free_port()),
            **settings,
        }
        return subprocess.run(
            [*BOUND, sys.executable, "-B", "manage.py", *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=patience(20),
            check=False,
        )
