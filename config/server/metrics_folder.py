"""The folder in which the processes of a server share their metrics.

A server makes the folder at its start, and removes it at its end. If a server is killed, its
folder stays, and the next server removes it.

NOTE: A server holds a lock on its folder as long as one of its processes lives. So another server
sees that the folder is in use. Process numbers in place of a lock would not work, because
containers that share a folder may use the same numbers.
"""

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

FOLDER_PREFIX = "tokenry-prometheus-"
MIN_AGE_SECONDS = 60  # a younger folder is never removed: its server may not have locked it yet


def make() -> str:
    """Make a folder, lock it for this process and its children, and return its path."""
    remove_abandoned()
    path = tempfile.mkdtemp(prefix=FOLDER_PREFIX)
    fcntl.flock(opened := os.open(path, os.O_RDONLY), fcntl.LOCK_EX)
    # Child processes keep the folder open. The lock lasts until the last of them has ended.
    os.set_inheritable(opened, True)
    return path


def remove_abandoned() -> None:
    """Remove the folders of servers that have ended without removing them."""
    for path in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        with suppress(OSError):  # another user's folder, or a folder that is gone already
            if is_abandoned(path):
                shutil.rmtree(path)


def is_abandoned(path: Path) -> bool:
    """Return True if no server uses the folder any more: it is not new, and nobody has its lock.

    Return False for a folder of another user. Raise OSError if the folder can't be read.
    """
    opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        found = os.fstat(opened)
        if found.st_uid != os.getuid() or found.st_mtime > time.time() - MIN_AGE_SECONDS:
            return False
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(opened)
