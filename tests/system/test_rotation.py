"""docs/rotate.sh renews a CI job's token. Only the command that stores the value sees it."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import pytest

from tests.run import ROOT, patience
from tests.server import Installation
from tests.system.calls import call
from tokens.authentication import credentials

SCRIPT = ROOT / "docs/rotate.sh"
NEEDED = ("curl", "jq")
pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, NEEDED)), reason="curl or jq is not installed"
)


class Endpoint(NamedTuple):
    """A server that renews tokens, and one that may be renewed there."""

    port: int
    value: str


class Answers(BaseHTTPRequestHandler):
    """The three calls that the script makes."""

    def answer(self, status: int, body: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode() if body else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        self.answer(401, {"detail": "No token here has this value."})

    def do_POST(self) -> None:
        self.answer(201, {"token": credentials.generate("tkn", "live").value})

    def do_DELETE(self) -> None:
        self.answer(401)

    def log_message(self, *args: object) -> None:
        pass


class StandIn(ThreadingHTTPServer):
    """Stands in for an API that gives out successors which do not work."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.value = credentials.generate("tkn", "live").value


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def endpoint(shared: Installation) -> Endpoint:
    return Endpoint(shared.servers[0].port, shared.issue("CI", scopes=["tokens:renew"]))


@pytest.fixture
def spied(tmp_path: Path) -> Path:
    """Return a folder with the script's programs, which write their command lines to `seen`."""
    for name in NEEDED:
        program = tmp_path / name
        program.write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$0 $*" >>"{tmp_path}/seen"\n'
            f'exec "{shutil.which(name)}" "$@"\n'
        )
        program.chmod(0o755)
    return tmp_path


def rotate(
    endpoint: Endpoint, spied: Path, *command: str, shell: str = "sh", **changes: str
) -> tuple[int, str, str]:
    """Return the exit code, the text of both outputs, and the value that `store` got, or ""."""
    environment = {
        "PATH": f"{spied}:{os.environ['PATH']}",
        "TOKENRY_URL": f"http://127.0.0.1:{endpoint.port}",
        "TOKENRY_TOKEN": endpoint.value,
        **changes,
    }
    done = subprocess.run(
        [*shell.split(), SCRIPT, *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=patience(20),
        check=False,
    )
    stored = spied / "stored"
    return (
        done.returncode,
        done.stdout + done.stderr,
        stored.read_text() if stored.exists() else "",
    )


def store(spied: Path, status: int = 0) -> tuple[str, ...]:
    """A command that keeps what it reads, and ends with that status."""
    return "sh", "-c", f'cat >"{spied}/stored"; exit {status}'


@pytest.mark.parametrize("shell", ["sh", "sh -x", "bash -x"])
def test_the_value_goes_to_the_store_and_nowhere_else(
    endpoint: Endpoint, spied: Path, shell: str
) -> None:
    status, printed, new = rotate(endpoint, spied, *store(spied), shell=shell)
    assert status == 0, printed
    assert call(endpoint.port, new).status == 200
    assert new != endpoint.value
    assert f"rotate: {new[:24]} is stored and works until 20" in printed
    seen = (spied / "seen").read_text()
    assert seen.count("/curl ") == 2
    for value in (new, endpoint.value):
        assert value[24:] not in printed + seen


def test_a_configuration_that_has_curl_talk_is_not_read(endpoint: Endpoint, spied: Path) -> None:
    (spied / ".curlrc").write_text("verbose\n")
    status, printed, _ = rotate(endpoint, spied, *store(spied), HOME=str(spied))
    assert status == 0
    assert "Authorization" not in printed


def test_what_could_not_be_stored_is_ended(endpoint: Endpoint, spied: Path) -> None:
    status, printed, new = rotate(endpoint, spied, *store(spied, status=3))
    assert status == 1
    assert printed == (
        "rotate: the new token failed or was not stored, so it is revoked;"
        " renew again while the old one works\n"
    )
    assert (call(endpoint.port, new).status, call(endpoint.port, endpoint.value).status) == (
        401,
        200,
    )


def test_what_does_not_work_is_not_stored(stand_in: StandIn, spied: Path) -> None:
    status, printed, new = rotate(
        Endpoint(stand_in.server_port, stand_in.value), spied, *store(spied)
    )
    assert (status, new) == (1, "")
    assert "No token here has this value.\n" in printed
    assert printed.endswith("and could not be revoked: revoke it on its page\n")


def test_what_is_refused_says_why(endpoint: Endpoint, spied: Path) -> None:
    unknown = endpoint._replace(value=credentials.generate("tkn", "live").value)
    status, printed, new = rotate(unknown, spied, *store(spied))
    assert (status, new) == (1, "")
    assert "No token here has this value." in printed
    assert printed.endswith("rotate: not renewed\n")


def test_no_server(endpoint: Endpoint, spied: Path) -> None:
    status, printed, new = rotate(endpoint, spied, *store(spied), TOKENRY_URL="http://127.0.0.1:9")
    assert (status, new) == (1, "")
    assert "Failed to connect" in printed


@pytest.mark.parametrize(
    ("command", "changes", "words"),
    [
        ((), {}, "give the command that stores the value from its standard input"),
        (("cat",), {"TOKENRY_URL": ""}, "TOKENRY_URL is not set"),
        (("cat",), {"TOKENRY_TOKEN": ""}, "TOKENRY_TOKEN is not set"),
    ],
)
def test_what_it_needs(
    endpoint: Endpoint, spied: Path, command: tuple[str, ...], changes: dict[str, str], words: str
) -> None:
    assert rotate(endpoint, spied, *command, **changes) == (2, f"rotate: {words}\n", "")
    assert not (spied / "seen").exists()
