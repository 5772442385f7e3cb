"""An installation that does not lie in this folder: with a .env and a var/ of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.run import ROOT, patience
from tests.server import free_port

# Whoever root is, files are closed to it too.
BOUND = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


class Elsewhere:
    """The settings and the commands of the product in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.var = folder / "var"
        shutil.copytree(ROOT / "config", folder / "config", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "static", folder / "static")
        shutil.copy(ROOT / "manage.py", folder)

    def manage(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command, as somebody who may do no more than files allow."""
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PORT": str(free_port()), **settings}
        return subprocess.run(
            [*BOUND, sys.executable, "-B", "manage.py", *arguments],
            cwd=self.folder, env=environment, capture_output=True, text=True, timeout=patience(20), check=False,
        )  # fmt: skip
