"""The examples of deploy/ say what production needs, and nothing that does not exist."""

import os
import re
import shutil
import subprocess
import sys
from secrets import token_urlsafe

import pytest
from django.test import Client

from tests.conftest import Issue
from tests.run import ROOT

OF_COMPOSE = {"POSTGRES_PASSWORD"}
# What is left open.
GIVEN = {
    "SECRET_KEY": token_urlsafe(48),
    "TOKEN_PEPPERS": f"1:{token_urlsafe(48)}",
    "POSTGRES_PASSWORD": "p",
}


def example() -> dict[str, str]:
    lines = (ROOT / "deploy/tokenry.env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_example_of_settings_leaves_but_secrets_open() -> None:
    settings = example()
    assert {name for name, value in settings.items() if not value} == set(GIVEN)
    assert set(settings) - OF_COMPOSE <= set(
        re.findall(r"`([A-Z_]+)`", (ROOT / "docs/settings.md").read_text())
    )


def test_git_keeps_the_filled_in_settings_out() -> None:
    done = subprocess.run(
        ["git", "check-ignore", "--quiet", "deploy/tokenry.env"], cwd=ROOT, check=False
    )
    assert done.returncode == 0


def test_django_has_no_objection_to_it() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT, env={"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, **example(), **GIVEN},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_image_holds_all_that_the_application_is_made_of() -> None:
    kept = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line[0] == "!"
    }
    packages = {path.parent.name for path in ROOT.glob("*/apps.py")} - {"benchmarks"}
    assert kept == packages | {
        "static",
        "templates",
        "manage.py",
        "requirements.txt",
        "requirements-otel.txt",
    }


def test_a_container_can_fill_no_more_than_its_share_of_memory() -> None:
    mounts = re.findall(
        r"^\s+tmpfs: (\S+)", (ROOT / "deploy/compose.yml").read_text(), re.MULTILINE
    )
    assert mounts
    assert all(":size=" in mount for mount in mounts)


@pytest.mark.parametrize("gateway", ["nginx.conf", "Caddyfile"])
def test_a_gateway_replaces_each_identity_header(gateway: str, issue: Issue) -> None:
    """nginx would pass a header of the client that it does not replace on to the backend."""
    answer = Client().get("/verify", HTTP_AUTHORIZATION=f"Bearer {issue()[1]}")
    sent = {name for name in answer.headers if name.startswith("X-Auth-")}
    text = (ROOT / "deploy" / gateway).read_text()
    replaced = set(
        re.findall(
            r"^\s+(?:proxy_set_header|request_header) (X-Auth-\w+) [${]", text, re.MULTILINE
        )
    )
    assert sent == replaced != set()


UNITS = ("tokenry", "tokenry-daily", "tokenry-backup")


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_is_shut_in(unit: str) -> None:
    program = shutil.which("systemd-analyze") or pytest.skip("systemd is not installed")
    done = subprocess.run(
        # The exposure is a number up to 100.
        [program, "security", "--offline=true", "--threshold=30", f"deploy/{unit}.service"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout.splitlines()[-1:]


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_reads_the_settings_as_every_command_does(unit: str) -> None:
    lines = (ROOT / f"deploy/{unit}.service").read_text().splitlines()
    assert {
        "User=tokenry",
        "Environment=ENV_FILE=/etc/tokenry.env",
        "AssertPathExists=/etc/tokenry.env",
    } <= set(lines)
    commands = (ROOT / "deploy/tokenry").read_text()
    assert "runuser -u tokenry " in commands
    assert " ENV_FILE=/etc/tokenry.env " in commands
