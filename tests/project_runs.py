"""Build the wheel, and test the project in tests/project/ with it: `make test-project`.

The environments have the locked packages and the wheel, nothing of this repository. The project is
tested with Python 3.11 and the locked Django, and with the newest pair that is installed; on
SQLite, and on PostgreSQL if DATABASE_URL names one; and with each of VARIANTS.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.matrix import PYTHONS, ROOT, interpreter, say, uv

PLACE = ROOT / "var/project"
LOCKED_DJANGO = "5.2"
VARIANTS: dict[str, dict[str, str]] = {
    "as it is": {},
    "a transaction around each request": {"ATOMIC_REQUESTS": "true"},
    "two databases": {"CRM_DATABASE_URL": "{other}"},
    "a replica": {"REPLICA": "true"},
    "below a path": {"SCRIPT_NAME": "/office"},
}
# Variants that also show that the tests do not change the project's own database.
WITH_OWN_DATABASE = {"as it is", "a replica"}
SECRETS = {"SECRET_KEY": "tests-" + "k" * 50, "TOKEN_PEPPERS": "1:" + "p" * 40}


class StepFailed(Exception):
    """A command has failed. The message is its output."""


def run(command: list[str | Path], folder: Path, **environment: str) -> str:
    """Return the output of a command. Raise StepFailed if the command fails."""
    environment["PATH"] = os.environ["PATH"]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StepFailed(done.stdout)
    return done.stdout


def build() -> Path:
    """Build the wheel, and return its path."""
    folder = PLACE / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT], ROOT)
    [wheel] = folder.glob("*.whl")
    return wheel


def install(django: str, python: str, executable: str, wheel: Path) -> Path:
    """Make or update an environment, and return its Python."""
    home = PLACE / f"django{django}-python{python}"
    locked = ["--requirement", "requirements-project.txt", "--python", str(home), "--exact"]
    uv("venv", "--allow-existing", "--python", executable, home)
    if django == LOCKED_DJANGO:
        uv("pip", "install", "--require-hashes", *locked)
    else:
        override = ["--override", "-", "--upgrade-package", "django"]
        uv("pip", "install", *locked, *override, stdin=f"django=={django}.*")
    # Without an index: the locked packages must be all that the wheel needs.
    uv("pip", "install", "--no-index", "--python", home, f"tokenry[drf,ninja] @ {wheel.as_uri()}")
    return home / "bin/python"


@contextmanager
def database(server: str, name: str) -> Iterator[str]:
    """Make an empty database on `server`, an URL, and return its URL. "" stands for SQLite."""
    if not server:
        path = PLACE / f"{name}.sqlite3"
        path.unlink(missing_ok=True)
        yield f"sqlite:///{path}"
        return
    drop = f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'
    with closing(psycopg.connect(server, autocommit=True)) as administrator:
        administrator.execute(drop)
        administrator.execute(f'CREATE DATABASE "{name}"')
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            administrator.execute(drop)


def attempt(case: tuple[Path, str, str, str], name: str) -> bool:
    """Run the project's tests, print the result, and return True if they passed.

    `case` is a Python, the URL of a PostgreSQL or "", a name in VARIANTS, and words that say which
    versions they are. `name` is that of the database.
    """
    python, server, variant, label = case
    try:
        result = run_tests(python, server, variant, name)
    except StepFailed as failure:
        result = f"failed\n{failure}"
    say(f"{label}, {variant}: {result}")
    return not result.startswith("failed")


def run_tests(python: Path, server: str, variant: str, name: str) -> str:
    """Run the project's tests, and return the result. Raise StepFailed if they fail."""
    with database(server, name) as url, database(server, f"{name}_crm") as other:
        given = {key: value.format(other=other) for key, value in VARIANTS[variant].items()}
        environment = {"DATABASE_URL": url, **SECRETS, **given}

        def manage(*arguments: str) -> str:
            return run([python, "manage.py", *arguments], PLACE / "office", **environment)

        before = ""
        if variant in WITH_OWN_DATABASE:
            manage("migrate", "--verbosity", "0")
            before = manage("dumpdata")
        printed = manage("test", "--no-input")
        if before and manage("dumpdata") != before:
            return "failed: the tests have changed the project's own database"
    return next(line for line in printed.splitlines() if line.startswith("Ran "))


def pairs() -> Iterator[tuple[str, str, str]]:
    """Yield Django, Python and its path: the oldest pair and the newest one that are installed."""
    known = [(django, python) for django, pythons in PYTHONS.items() for python in pythons]
    found = [(*pair, path) for pair in known if (path := interpreter(pair[1]))]
    yield from dict.fromkeys([found[0], found[-1]])


def main() -> int:
    """Try everything, print the results, and return 0 if all tests passed."""
    PLACE.mkdir(mode=0o700, parents=True, exist_ok=True)
    wheel = build()
    shutil.rmtree(PLACE / "office", ignore_errors=True)
    shutil.copytree(ROOT / "tests/project", PLACE / "office")
    cases = []
    for django, python, executable in pairs():
        installed = install(django, python, executable, wheel)
        for server in dict.fromkeys(["", os.environ.get("DATABASE_URL", "")]):
            kind = "PostgreSQL" if server else "SQLite"
            label = f"Django {django}, Python {python}, {kind}"
            cases += [(installed, server, variant, label) for variant in VARIANTS]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        names = [f"tokenry_project_{os.getpid()}_{number}" for number in range(len(cases))]
        return 0 if all(list(pool.map(attempt, cases, names))) else 1


if __name__ == "__main__":
    sys.exit(main())
