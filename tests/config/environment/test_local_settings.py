"""The file that TOKENRY_SETTINGS names changes settings, and says what is wrong with it."""

import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environment.local_settings import read_local_settings

SETTINGS: dict[str, Any] = {"INSTALLED_APPS": ["tokens"], "DEBUG": False, "EXTRA_URLS": []}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [*sys.path])
    path = tmp_path / "local.py"
    monkeypatch.setenv("TOKENRY_SETTINGS", str(path))
    return path


def test_without_the_variable_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKENRY_SETTINGS", raising=False)
    assert read_local_settings(SETTINGS) == {}


def test_the_file_adds_and_changes_settings(file: Path) -> None:
    (file.parent / "beside_local_settings.py").write_text("DAYS = 7\n")
    file.write_text(
        "from pathlib import Path\n"
        "from beside_local_settings import DAYS\n"
        "INSTALLED_APPS = [*INSTALLED_APPS, 'reports']\n"
        "EXTRA_URLS = [('api/', 'beside_local_settings')]\n"
        "FOLDER = Path(__file__).parent\n"
        "helper = 1\n"
    )
    found = read_local_settings(SETTINGS)
    assert found["INSTALLED_APPS"] == ["tokens", "reports"]
    assert found["EXTRA_URLS"] == [("api/", "beside_local_settings")]
    assert (found["FOLDER"], found["DAYS"], found["DEBUG"]) == (file.parent, 7, False)
    assert "helper" not in found
    assert sys.path[-1] == str(file.parent)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("A = 1\nB = = 2\n", "line 2: invalid syntax."),
        ("A = 1\n\nB = missing\n", "line 3: NameError: name 'missing' is not defined"),
        ("import no_such_module\n", "line 1: ModuleNotFoundError: No module named"),
        ("def f():\n    raise ValueError('two\\nlines')\nf()\n", "line 2: ValueError: two lines"),
        ("import json\njson.loads('x')\n", "line 2: JSONDecodeError: "),
        ("\0", "source code string cannot contain null bytes"),
        ("EXTRA_URLS = ['api/']\n", "EXTRA_URLS has 'api/'; it takes a list of "),
        ("EXTRA_URLS = [('api/', 1)]\n", "EXTRA_URLS has ('api/', 1); "),
        ("EXTRA_URLS = [('api/', 'no_such.urls')]\n", "EXTRA_URLS has ('api/', 'no_such.urls'); "),
        ("EXTRA_URLS = None\n", "EXTRA_URLS has None; "),
    ],
)
def test_an_error_names_the_file_and_the_line(file: Path, content: str, words: str) -> None:
    file.write_text(content)
    with pytest.raises(ImproperlyConfigured) as refused:
        read_local_settings(SETTINGS)
    message = str(refused.value)
    assert message.startswith(f"TOKENRY_SETTINGS is {str(file)!r}, ")
    assert words in message
    assert "\n" not in message


def test_a_missing_file_and_a_relative_path(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"can't be used: No such file or directory\.$"):
        read_local_settings(SETTINGS)
    monkeypatch.setenv("TOKENRY_SETTINGS", "local.py")
    with pytest.raises(ImproperlyConfigured, match="takes the absolute path of a Python file"):
        read_local_settings(SETTINGS)
