"""`make release`: the texts that it changes, when it refuses, and a whole release of a copy."""

import re
import shutil
import tarfile
from datetime import date
from pathlib import Path
from zipfile import ZipFile

import pytest

import release
from config.version import VERSION
from release import ReleaseError
from tests.run import ROOT

DAY = date(2026, 11, 30)
NEXT = "9.8.7"
OLD = "# Changelog\n\n## Unreleased\n\n- New.\n\n## 0.1.0 - 2026-11-22\n\n- First.\n"


def test_the_changelog_gets_the_date_and_a_new_part() -> None:
    assert release.dated(OLD, "0.2.0", DAY) == (
        "# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-11-30\n\n- New.\n\n"
        "## 0.1.0 - 2026-11-22\n\n- First.\n"
    )


@pytest.mark.parametrize(
    ("changelog", "version", "words"),
    [
        (OLD.replace("- New.\n", ""), "0.2.0", 'no text under "## Unreleased"'),
        (OLD.replace("## Unreleased\n", ""), "0.2.0", 'no text under "## Unreleased"'),
        (OLD, "0.1.0", "has a part 0.1.0 already"),
    ],
    ids=["an empty part", "no part", "a version twice"],
)
def test_a_changelog_without_a_release(changelog: str, version: str, words: str) -> None:
    with pytest.raises(ReleaseError, match=words):
        release.dated(changelog, version, DAY)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('VERSION = "0.2.0"  # here', 'VERSION = "0.3.0"  # here'),
        ("tokenry-0.2.0-py3 v0.2.0.", "tokenry-0.3.0-py3 v0.3.0."),
        ("10.2.0 0.2.01 0.2.0.1 1.0.2.0 0x2y0", "10.2.0 0.2.01 0.2.0.1 1.0.2.0 0x2y0"),
    ],
)
def test_only_the_version_changes(before: str, after: str) -> None:
    assert release.with_version(before, "0.2.0", "0.3.0") == after


@pytest.mark.parametrize("name", release.VERSIONED)
def test_each_of_these_files_names_the_version(name: str) -> None:
    text = (ROOT / name).read_text()
    assert release.with_version(text, VERSION, NEXT) != text


def test_the_image_is_built_from_what_docker_would_read() -> None:
    ignored = "# words\n*\n!tokens\n!manage.py\n**/__pycache__\n"
    assert release.image_paths(ignored) == ["deploy/Dockerfile", "tokens", "manage.py"]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a clone with this tree as its one commit, whose part "Unreleased" has a text."""
    listed = release.git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in listed.rstrip("\0").split("\0"):
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    changelog = tmp_path / "CHANGELOG.md"
    text = changelog.read_text().replace("## Unreleased\n", "## Unreleased\n\n- New.\n", 1)
    changelog.write_text(text)
    for command in (
        ["init", "--quiet"],
        ["config", "user.name", "Ada"],
        ["config", "user.email", "ada@example.com"],
        ["add", "--all"],
        ["commit", "--quiet", "--message", "All"],
    ):
        release.git(tmp_path, *command)
    return tmp_path


@pytest.mark.long
def test_a_whole_release(clone: Path) -> None:
    files = release.release(clone, NEXT, DAY, checks=[["true"]])
    assert [path.name for path in files] == [
        f"tokenry-{NEXT}-py3-none-any.whl",
        f"tokenry-{NEXT}.tar.gz",
        f"tokenry-{NEXT}-image.tar.gz",
    ]
    assert f"tokenry-{NEXT}.dist-info/METADATA" in ZipFile(files[0]).namelist()
    with tarfile.open(files[2]) as image:
        names = set(image.getnames())
        version = image.extractfile("config/version.py")
        assert version
        assert f'VERSION = "{NEXT}"' in version.read().decode()
    assert {"deploy/Dockerfile", "manage.py", "requirements.txt", "tokens/urls.py"} <= names
    assert {name.split("/")[0] for name in names} == {
        path.split("/")[0] for path in release.image_paths((ROOT / ".dockerignore").read_text())
    }
    assert release.git(clone, "status", "--porcelain") == ""
    assert release.git(clone, "cat-file", "-t", f"v{NEXT}") == "tag\n"
    assert release.git(clone, "log", "-1", "--format=%s") == f"Release {NEXT}\n"
    heads = re.findall(r"^## .*", (clone / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heads[:2] == ["## Unreleased", f"## {NEXT} - 2026-11-30"]

    with pytest.raises(ReleaseError, match=f"The tag v{NEXT} exists"):
        release.release(clone, "", DAY, checks=[])


def test_a_clone_from_which_no_release_is_made(clone: Path) -> None:
    with pytest.raises(ReleaseError, match=r"'1\.0' is no version"):
        release.release(clone, "1.0", DAY, checks=[])
    with pytest.raises(ReleaseError, match="`false` has failed"):
        release.release(clone, NEXT, DAY, checks=[["false"]])
    assert release.git(clone, "status", "--porcelain") == ""
    (clone / "new.txt").touch()
    with pytest.raises(ReleaseError, match=r"not committed.*\n.. new\.txt"):
        release.release(clone, NEXT, DAY, checks=[])


def test_a_build_that_fails_changes_nothing(clone: Path) -> None:
    (clone / "pyproject.toml").write_text("[project]\n")
    release.git(clone, "commit", "--quiet", "--all", "--message", "Broken")
    with pytest.raises(ReleaseError, match="-m build"):
        release.release(clone, NEXT, DAY, checks=[])
    assert release.git(clone, "status", "--porcelain") == ""
    assert release.git(clone, "tag", "--list", f"v{NEXT}") == ""
