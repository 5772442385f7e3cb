"""Run tests with each installed Python and each Django that works with it: `make matrix`.

This is a script, because tox and nox can't choose the newest installed pair.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PYTHONS = {  # by Django; both from old to new
    "5.2": ["3.11", "3.12", "3.13", "3.14"],
    "6.0": ["3.12", "3.13", "3.14"],
    "6.1": ["3.12", "3.13", "3.14"],
}
ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "var/matrix"
NEEDED = "sqlite3, ssl, zlib"  # modules that a Python may lack


def interpreter(python: str) -> str | None:
    """Return the path of an installed Python such as 3.12."""
    # pyenv's own folders come first, because its shims on the PATH fail for versions that are not
    # active.
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    places = [*map(str, pyenv.glob(f"versions/{python}.*/bin")), os.environ["PATH"]]
    return shutil.which(f"python{python}", path=os.pathsep.join(places))


def uv(*arguments: str | Path, stdin: str = "") -> None:
    subprocess.run(
        [Path(sys.executable).with_name("uv"), *arguments, "--quiet", "--no-python-downloads"],
        cwd=ROOT,
        env={**os.environ, "UV_CACHE_DIR": str(PLACE / "cache")},
        input=stdin,
        text=True,
        check=True,
    )


def install(django: str, python: str, executable: str) -> Path:
    """Make or update the environment of a pair.

    It has the locked packages, but the newest Django of the series.
    """
    home = PLACE / f"django{django}-python{python}"
    uv("venv", "--allow-existing", "--python", executable, home)
    # The hashes of all packages are checked, except Django's, because this release is not locked.
    uv(
        "pip", "install", "--exact", "--python", home, "--requirement", "requirements-dev.txt",
        "--override", "-", "--upgrade-package", "django", stdin=f"django=={django}.*",
    )  # fmt: skip
    return home / "bin/python"


def attempt(django: str, python: str, executable: str, arguments: list[str]) -> str:
    """Run pytest with a pair, and return the result."""
    looked = subprocess.run(
        [executable, "-c", f"import {NEEDED}"], capture_output=True, text=True, check=False
    )
    if looked.returncode:
        return f"failed: {executable} does not work: {' '.join(looked.stderr.splitlines()[-1:])}"
    try:
        installed = install(django, python, executable)
    except subprocess.CalledProcessError:
        return "failed: the packages could not be installed"
    version = subprocess.check_output([installed, "-m", "django", "--version"], text=True).strip()
    say(f"--- Django {version}, Python {python}")
    # pytest and Hypothesis keep their files apart from those of `make test`.
    environment = {**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(PLACE / "hypothesis")}
    command = [
        str(installed),
        "-m",
        "pytest",
        "-q",
        "-o",
        f"cache_dir={PLACE / 'pytest'}",
        *arguments,
    ]
    last = ""
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as tests:
        for line in tests.stdout or ():
            last = line.rstrip()
            say(last)
    return f"{'failed' if tests.returncode else 'passed'}: {last}, Django {version}"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(which: str, *arguments: str) -> int:
    """Try all pairs or the newest one, print a table, and return 0 when each passed."""
    if which not in {"all", "newest"}:
        sys.exit(f"PAIRS is {which!r}; it takes all or newest.")
    # The mode is that of config/settings.py: the folder has secrets.
    PLACE.parent.mkdir(mode=0o700, exist_ok=True)
    pairs = [(django, python) for django, pythons in PYTHONS.items() for python in pythons]
    found = {python: path for _, python in pairs if (path := interpreter(python))}
    if which == "newest":
        pairs = [pair for pair in pairs if pair[1] in found][-1:] or pairs
    results = {}
    for django, python in pairs:
        if python in found:
            results[django, python] = attempt(django, python, found[python], list(arguments))
    say("\nDjango  Python")
    for django, python in pairs:
        result = results.get((django, python), f"not tried: Python {python} is not installed")
        say(f"{django:6}  {python:6}  {result}")
    return 0 if results and all(result.startswith("passed") for result in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
