"""Backups. A backup is one file with the database, its secrets, and a list of what it contains."""

import os
import signal
import sys


def protect_secrets() -> None:
    """Prepare this process to handle secrets, for the commands `backup` and `restore`.

    New files can be read only by this user. If the process is stopped, it exits by SystemExit, so
    that temporary folders are removed.
    """
    os.umask(0o077)  # programs that this process runs inherit this
    for each in (signal.SIGTERM, signal.SIGHUP):  # SIGHUP: the terminal was closed
        signal.signal(each, lambda number, _: sys.exit(128 + number))
