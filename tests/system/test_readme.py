"""The commands, settings and examples of the README and its guides are right."""

import json
import os
import re
import shutil
import subprocess

import pytest

from tests.run import ROOT, patience
from tests.server import Installation, Server
from tokens.authentication.policy import Requirement

DOCS = ROOT / "docs"
ROW = re.compile(r"^\| `(\w+)`(?:, `(\w+)`)? \| [\d, ]+ \| (.*?) \| ", re.MULTILINE)


def run(command: str, server: Server, token: str) -> dict[str, object]:
    """The JSON that `command` prints, with the variables of docs/refusals.md set."""
    variables = {**os.environ, "URL": f"{server.url}/api/v1/token", "API_TOKEN": token}
    done = subprocess.run(
        ["bash", "-c", command.replace("curl", "curl -s", 1)],
        env=variables, capture_output=True, text=True, check=True, timeout=patience(6),
    )  # fmt: skip
    return dict(json.loads(done.stdout)) if done.stdout else {}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_troubleshooting_table(installation: Installation) -> None:
    server = installation.server().start()
    rows = {found[1]: found for found in ROW.finditer((DOCS / "refusals.md").read_text())}
    commands = {code: re.findall(r"`(curl [^`]*)`", found[3]) for code, found in rows.items()}
    token = installation.issue()
    for code in ("missing_credentials", "malformed_header", "malformed_token", "unknown_token"):
        assert run(commands[code][0], server, token)["code"] == code
    assert run(commands["not_found"][0], server, token)["code"] == "method_not_allowed"

    plain = commands["expired_token"][0]
    assert run(plain, server, token)["identifier"] == token[:24]
    change = (
        "from tokens.models import Token; from accounts.models import User;"
        " from django.utils import timezone;"
    )
    server.run(change + "User.objects.update(is_active=False)")
    assert run(plain, server, token)["code"] == "inactive_owner"
    server.run(
        change
        + "User.objects.update(is_active=True); Token.objects.update(expires_at=timezone.now())"
    )
    assert run(plain, server, token)["code"] == "expired_token"

    token = installation.issue()
    run(commands["revoked_token"][0], server, token)
    assert run(plain, server, token)["code"] == "revoked_token"


def test_every_setting_is_in_the_table() -> None:
    files = ("config/settings.py", "config/environment/sign_on_variables.py")
    settings = "".join((ROOT / file).read_text() for file in files)
    table = (DOCS / "settings.md").read_text()
    named = set(re.findall(r'setting\(\s*"([A-Z_]+)"', settings))
    assert named
    for name in named:
        assert re.search(rf"^\|.*`{name}`.*\|", table, re.MULTILINE), name


def test_the_example_of_views_is_right() -> None:
    text = (DOCS / "standalone.md").read_text()
    [example] = re.findall(r"^```python\n(from .*?)^```", text, re.DOTALL | re.MULTILINE)
    names: dict[str, object] = {}
    exec(compile(example, "standalone.md", "exec"), names)
    assert getattr(names["report"], "requirement", None) == Requirement(("reports:read",))
    assert getattr(names["publish"], "requirement", None) == Requirement(
        ("reports:read", "reports:write"), "live"
    )
    assert getattr(names["status"], "requirement", "") is None


def test_every_command_is_on_its_page() -> None:
    text = (DOCS / "commands.md").read_text()
    named = {path.stem for path in ROOT.glob("*/management/commands/[a-z]*.py")}
    assert len(named) > 10
    for name in named:
        assert f"manage.py {name} " in text or f"`manage.py {name}`" in text, name


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 120
    links = re.findall(r"\]\(([^)#\s]+)#?([^)]*)\)", text.replace("\n", " "))
    assert len(links) > 20
    for path, anchor in links:
        assert (ROOT / path).exists(), path
        if anchor:
            titles = re.findall(r"^#+ (.+)$", (ROOT / path).read_text(), re.MULTILINE)
            assert anchor in {title.lower().replace(" ", "-") for title in titles}, anchor
