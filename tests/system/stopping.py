"""The product, whose process stops itself between reading a token and deciding, when asked to."""

import os
import signal
from pathlib import Path
from typing import Any

from config.wsgi import application
from tokens.authentication import lookup

__all__ = ["application"]
NAME = "stop-after-the-next-read"  # a file in the folder of the installation
read = lookup.read_row


def read_and_stop(*arguments: Any) -> Any:
    """Read the row. If the file is there, remove it and stop this process, as SIGSTOP does."""
    row = read(*arguments)
    try:
        Path(os.environ["TMPDIR"], NAME).unlink()
    except FileNotFoundError:
        return row
    os.kill(os.getpid(), signal.SIGSTOP)
    return row


vars(lookup)["read_row"] = read_and_stop
