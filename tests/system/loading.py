"""The product, which does not finish loading before the test writes a file."""

import os
import time
from pathlib import Path

from config.wsgi import application

__all__ = ["application"]

folder = Path(os.environ["TMPDIR"])  # of the installation
(folder / "loading").touch()
while not (folder / "may-end-loading").exists():
    time.sleep(0.01)
