"""The programs of docs/services/, started as the first line of each file says."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.run import ROOT, patience, until
from tests.server import free_port
from tests.system.gateways import Gateway

FOLDER = ROOT / "docs/services"
FILES = {
    "fastapi": "fastapi_service.py",
    "flask": "flask_service.py",
    "express": "express_service.js",
    "go": "service.go",
}
LEASED = "leased_transport.py"  # which the FastAPI service may use
NODE_PATH = "/usr/share/nodejs"  # where Debian has Express


def skip_if_missing(name: str) -> None:
    """Skip the test if a program that the service needs is not installed."""
    if name == "express" and not (shutil.which("node") and Path(NODE_PATH, "express").exists()):
        pytest.skip("Node.js or Express is not installed: apt-get install nodejs node-express")
    if name == "go" and not shutil.which("go"):
        pytest.skip("Go is not installed: apt-get install golang-go")


def environment(folder: Path, tokenry_port: int) -> dict[str, str]:
    """Return variables with which the service writes only into `folder`, and Go asks nobody."""
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "TOKENRY_URL": f"http://127.0.0.1:{tokenry_port}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "NODE_PATH": NODE_PATH,
        "GOCACHE": str(folder / "go"),
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
    }


@contextmanager
def running(name: str, folder: Path, tokenry_port: int) -> Iterator[Gateway]:
    """Run the service `name`, which asks the Tokenry at that port."""
    skip_if_missing(name)
    port = free_port()
    text = (FOLDER / FILES[name]).read_text()
    [command] = re.findall(r'Start: (.*?)"*\n', text)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["env", *shlex.split(command.replace("9000", str(port)))],
            cwd=FOLDER, env=environment(folder, tokenry_port), stdout=log, stderr=log,
            start_new_session=True,  # `go run` and gunicorn start further processes
        )  # fmt: skip
    service = Gateway(name, port)

    def answers() -> None:
        assert process.poll() is None, (folder / "log").read_text()
        service.ask("/reports")

    try:
        until(answers, OSError, seconds=30)  # Go compiles
        yield service
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=patience(5))
