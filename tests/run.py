"""What belongs to one run of the tests: its name, its folder, and how long it waits for others."""

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
IS_FIRST = VARIABLE not in os.environ  # the process that begins the run, and ends it; pytest-xdist's workers follow
ID = os.environ.setdefault(VARIABLE, secrets.token_hex(4))
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
KEY_PREFIX = f"tokenry-{ID}-{WORKER}"  # in Redis
FOLDER = ROOT / "var/tests" / ID
# Slack beside the load average, which comes a minute late and knows nothing of a host that others share, as in CI.
PACE = 6 if os.environ.get("CI") else 3


def make_folder() -> None:
    """Make the folder in which the run keeps all its files."""
    FOLDER.joinpath("static").mkdir(parents=True, exist_ok=True)
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(FOLDER)  # where pytest's temporary folders are


def lock(name: str) -> FileLock:
    """Return a lock that one process of the run holds at a time."""
    return FileLock(FOLDER / f"{name}.lock")


def patience(seconds: float) -> float:
    """Return a time limit: `seconds` (enough on an idle machine), times PACE, times the machine's load.

    A busy machine makes tests slow and not red, because every deadline comes from here; `within` is for promises.
    """
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return seconds * PACE * max(1.0, load)


def within(seconds: float) -> float:
    """Return how many seconds to allow for what Tokenry promises to do in `seconds`, whatever is away or hangs.

    A busy machine adds to a promise and does not multiply it, as `patience` would: then a test no longer finds a
    promise that is broken. State the promise as a number, so that it does not move with a constant of the product.
    """
    return seconds + patience(0.1)


def until(works: Callable[[], object], *failures: type[Exception], seconds: float = 10) -> None:
    """Wait until `works` raises none of `failures` any more, for `seconds` at most on an idle machine."""
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
    """Remove the folder of a run, and the folder of all runs where no other run uses it."""
    shutil.rmtree(FOLDER.with_name(run_id))
    with suppress(OSError):  # it is not empty
        FOLDER.parent.rmdir()
