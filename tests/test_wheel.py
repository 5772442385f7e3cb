"""The wheel of the application: which files it holds, and which packages it needs."""

import subprocess
import sys
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import pytest

from config.version import VERSION
from tests.run import ROOT, patience

INFO = f"tokenry-{VERSION}.dist-info"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as a release does, from the source archive."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, timeout=patience(60), stdout=subprocess.DEVNULL)
    [found] = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    return message_from_bytes(ZipFile(wheel).read(f"{INFO}/METADATA"))


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tokens").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    info = {f"{INFO}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "licenses/LICENSE")}
    assert set(ZipFile(wheel).namelist()) == package | info
    assert "tokens/py.typed" in package


def test_the_package_has_no_tests() -> None:
    assert not [*(ROOT / "tokens").rglob("test_*"), *(ROOT / "tokens").rglob("conftest.py")]


def test_the_extras_and_what_is_needed_without_them(metadata: Message) -> None:
    assert set(metadata.get_all("Provides-Extra", [])) == {
        "drf", "metrics", "ninja", "otel", "server",
    }  # fmt: skip
    needed = metadata.get_all("Requires-Dist", [])
    assert {name for name in needed if "extra" not in name} == {
        "django<7,>=5.2", "django-htmx", "icalendar", "lucide", "python-dateutil",
        "redis[hiredis]", "ua-parser",
    }  # fmt: skip


def test_a_registry_would_take_the_files(wheel: Path) -> None:
    files = sorted(wheel.parent.iterdir())
    assert [path.suffix for path in files] == [".whl", ".gz"]
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, files)]
    subprocess.run(command, check=True, timeout=patience(60), stdout=subprocess.DEVNULL)
