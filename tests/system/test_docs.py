"""What the guides tell people to write works as it stands there."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.server import ROOT

BLOCK = re.compile(r"^( *)```python\n *# (\S+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
SETTINGS = """
from tests.settings import *

INSTALLED_APPS = [*INSTALLED_APPS, "reports"]
ROOT_URLCONF = "guide_urls"
DATABASES["default"]["TEST"] = {"NAME": None}  # in memory: the suite that runs this has the file
"""
URLS = """
from django.urls import include, path
from config.urls import handler400, handler500, urlpatterns
import reports.receivers

urlpatterns = [*urlpatterns, path("api/", include("reports.urls"))]
"""


def test_the_guide_for_django(tmp_path: Path) -> None:
    """Its files, written where it says, pass the tests that it gives."""
    files = {name: textwrap.dedent(code) for _, name, code in BLOCK.findall((ROOT / "docs/django.md").read_text())}
    assert len(files) == 5
    packages = {"reports/__init__.py": "", "reports/migrations/__init__.py": ""}
    for name, code in {**files, **packages, "guide_settings.py": SETTINGS, "guide_urls.py": URLS}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code)
    command = [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "--ds", "guide_settings", "reports/tests.py"]
    done = subprocess.run(
        command,
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}", "DATABASE_URL": f"sqlite:///{tmp_path}/db"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "1 passed" in done.stdout, done.stdout
