"""One run of the tests: its name, its folder, and its time limits."""

import os
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

from filelock import FileLock

ROOT = Path(__file__).resolve().parent.parent
VARIABLE = "TOKENRY_TEST_RUN"
# True in the process that begins and ends the run. The workers of pytest-xdist follow.
IS_FIRST = VARIABLE not in os.environ
ID = os.environ.setdefault(VARIABLE, secrets.token_hex(4))
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
KEY_PREFIX = f"tokenry-{ID}-{WORKER}"  # in Redis
FOLDER = ROOT / "var/tests" / ID
# A factor beside the load average, which is a minute late and does not show other guests of a
# host, as in CI.
PACE = 6 if os.environ.get("CI") else 3


def make_folder() -> None:
    """Make the folder in which the run keeps all its files."""
    FOLDER.joinpath("static").mkdir(parents=True, exist_ok=True)
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(FOLDER)  # where pytest's temporary folders are


def lock(name: str) -> FileLock:
    """Return a lock that one process of the run holds at a time."""
    return FileLock(FOLDER / f"{name}.lock")


def patience(seconds: float) -> float:
    """Return `seconds` (enough on an idle machine), times PACE, times the machine's load.

    All deadlines use this function, so that a busy machine makes tests slow and not red. Promises
    of the product use `within`.
    """
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return seconds * PACE * max(1.0, load)


def within(seconds: float) -> float:
    """Return a time limit for something that Tokenry promises in `seconds`, even in an outage.

    A busy machine adds some time to the promise. `patience` would multiply it, and then a test
    would not find a broken promise. Give the promise as a number, so that it does not change with
    a constant of the product.
    """
    return seconds + patience(0.1)


def until(works: Callable[[], object], *failures: type[Exception], seconds: float = 10) -> None:
    """Call `works` until it raises none of `failures`, for at most `seconds` on an idle machine.

    After that, raise the last failure.
    """
    began = monotonic()
    while True:
        try:
            works()
        except failures:
            if monotonic() > began + patience(seconds):
                raise
            sleep(0.01)
        else:
            return


def remove_folder(run_id: str = ID) -> None:
    """Remove the folder of a run, and the folder of all runs if no other run uses it."""
    shutil.rmtree(FOLDER.with_name(run_id))
    with suppress(OSError):  # it is not empty
        FOLDER.parent.rmdir()
