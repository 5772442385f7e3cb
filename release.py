"""Make a release of Tokenry: `make release`, or `make release VERSION=0.2.1`.

The steps: check that a release can be made, run `make lint` and `make test`, write the version and
the date, make the files in dist/, commit, and tag the commit. Nothing is pushed.
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
CHANGELOG = "CHANGELOG.md"
VERSION_FILE = "config/version.py"
# Files that name the version.
VERSIONED = (
    VERSION_FILE,
    "deploy/Dockerfile",
    "docs/django.md",
    "docs/operations.md",
    "docs/runbook.md",
)
CHECKS = (("make", "lint"), ("make", "test"))
UNRELEASED = re.compile(r"^## Unreleased\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


class ReleaseError(Exception):
    """No release can be made. The message says why, and what to do."""


def current_version(text: str) -> str:
    """Return the version in the text of VERSION_FILE."""
    [found] = re.findall(r'^VERSION = "(.+?)"', text, re.MULTILINE)
    return str(found)


def with_version(text: str, old: str, new: str) -> str:
    """Return `text` with the version `new` in place of `old`."""
    return re.sub(rf"(?<![\d.]){re.escape(old)}(?!\.?\d)", new, text)


def dated(changelog: str, version: str, day: date) -> str:
    """Return the changelog with its part "Unreleased" as the part of `version`, and a new one.

    Raise ReleaseError if nothing is unreleased, or if there is a part of `version` already.
    """
    unreleased = UNRELEASED.search(changelog)
    if not unreleased or not unreleased[1].strip():
        raise ReleaseError(f'{CHANGELOG} has no text under "## Unreleased". Write what changed.')
    if re.search(rf"^## {re.escape(version)}\b", changelog, re.MULTILINE):
        raise ReleaseError(f"{CHANGELOG} has a part {version} already. Name another version.")
    heading = f"## Unreleased\n\n## {version} - {day.isoformat()}\n"
    return changelog.replace("## Unreleased\n", heading, 1)


def image_paths(dockerignore: str) -> list[str]:
    """Return what the image is built from: the Dockerfile, and what .dockerignore lets through."""
    kept = [line[1:] for line in dockerignore.splitlines() if line.startswith("!")]
    return ["deploy/Dockerfile", *kept]


def run(folder: Path, *command: str) -> None:
    """Run a command in `folder`, and show its output. Raise ReleaseError if the command fails."""
    if subprocess.run(command, cwd=folder, check=False).returncode:
        raise ReleaseError(f"`{' '.join(command)}` has failed.")


def git(folder: Path, *arguments: str) -> str:
    """Return what git prints."""
    return subprocess.check_output(["git", *arguments], cwd=folder, text=True)


def check(folder: Path, version: str) -> None:
    """Raise ReleaseError if the version, the work tree or the tags allow no release."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise ReleaseError(f"{version!r} is no version. Write three numbers, such as 0.2.1.")
    if changed := git(folder, "status", "--porcelain"):
        raise ReleaseError(f"These files are not committed. Commit or remove them.\n{changed}")
    if git(folder, "tag", "--list", f"v{version}"):
        raise ReleaseError(
            f"The tag v{version} exists. Name the next version, such as: "
            "make release VERSION=0.2.1"
        )


def build(folder: Path, version: str) -> list[Path]:
    """Make and check the wheel and the source archive, and return their paths."""
    run(folder, sys.executable, "-m", "build", "--no-isolation", "--outdir", "dist")
    names = (f"tokenry-{version}-py3-none-any.whl", f"tokenry-{version}.tar.gz")
    run(folder, sys.executable, "-m", "twine", "check", "--strict", *(f"dist/{n}" for n in names))
    return [folder / "dist" / name for name in names]


def release(
    folder: Path, version: str, day: date, checks: Sequence[Sequence[str]] = CHECKS
) -> list[Path]:
    """Make a release of the clone in `folder`, and return the files that were made."""
    old = current_version((folder / VERSION_FILE).read_text())
    version = version or old
    check(folder, version)
    texts = {CHANGELOG: dated((folder / CHANGELOG).read_text(), version, day)}
    for name in VERSIONED:
        texts[name] = with_version((folder / name).read_text(), old, version)
    for command in checks:
        run(folder, *command)
    try:
        for name, text in texts.items():
            (folder / name).write_text(text)
        made = build(folder, version)
        run(folder, "git", "commit", "--quiet", "--message", f"Release {version}", *texts)
    except ReleaseError:
        git(folder, "checkout", "--", *texts)
        raise
    run(folder, "git", "tag", "--annotate", "--message", f"Tokenry {version}", f"v{version}")
    image = f"dist/tokenry-{version}-image.tar.gz"
    paths = image_paths((folder / ".dockerignore").read_text())
    run(folder, "git", "archive", "--output", image, f"v{version}", *paths)
    return [*made, folder / image]


def main(version: str = "") -> None:
    """Make a release of this clone, and say what is left to do."""
    try:
        made = release(FOLDER, version, datetime.now(UTC).date())
    except ReleaseError as error:
        sys.exit(f"No release was made: {error}")
    version = current_version((FOLDER / VERSION_FILE).read_text())
    names = "\n".join(f"    {path.relative_to(FOLDER)}" for path in made)
    sys.stdout.write(
        f"\nTokenry {version} is committed and has the tag v{version}. The files:\n\n{names}\n\n"
        f"To publish it:\n\n    git push origin HEAD v{version}\n"
        f"    docker build --file deploy/Dockerfile --tag tokenry:{version} "
        f'--build-arg COMMIT="$(git rev-parse HEAD)" - < dist/{made[-1].name}\n'
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
