"""The examples of deploy/ say what production needs, and nothing that does not exist."""

import os
import re
import subprocess
import sys
from secrets import token_urlsafe

from tests.run import ROOT

OF_COMPOSE = {"POSTGRES_PASSWORD"}
# What is left open.
GIVEN = {"SECRET_KEY": token_urlsafe(48), "TOKEN_PEPPERS": f"1:{token_urlsafe(48)}", "POSTGRES_PASSWORD": "p"}


def example() -> dict[str, str]:
    lines = (ROOT / "deploy/tokenry.env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_example_of_settings_leaves_but_secrets_open() -> None:
    settings = example()
    assert {name for name, value in settings.items() if not value} == set(GIVEN)
    assert set(settings) - OF_COMPOSE <= set(re.findall(r"`([A-Z_]+)`", (ROOT / "README.md").read_text()))


def test_git_keeps_the_filled_in_settings_out() -> None:
    done = subprocess.run(["git", "check-ignore", "--quiet", "deploy/tokenry.env"], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_django_has_no_objection_to_it() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT, env={"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, **example(), **GIVEN},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_image_holds_all_that_the_application_is_made_of() -> None:
    kept = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"}
    packages = {path.parent.name for path in ROOT.glob("*/apps.py")} - {"benchmarks"}
    assert kept == packages | {"static", "templates", "manage.py", "requirements.txt"}


def test_a_container_can_fill_no_more_than_its_share_of_memory() -> None:
    mounts = re.findall(r"^\s+tmpfs: (\S+)", (ROOT / "deploy/compose.yml").read_text(), re.MULTILINE)
    assert mounts
    assert all(":size=" in mount for mount in mounts)
