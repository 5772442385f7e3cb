"""The production server, started for real on a database of its own."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import redirect_stdout, suppress
from copy import copy
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any, Self

from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import override_settings
from django.utils import timezone
from filelock import FileLock

from accounts.models import User
from tests import databases, run
from tests.run import ROOT
from tokens.lifetime import LIFETIMES
from tokens.models import Token

PASSWORD = "correct horse battery staple"
PORTS = range(10_000, 30_000)  # below those that the system gives to outgoing connections
_reserved: list[socket.socket] = []


def free_port() -> int:
    """Return a TCP port that no other test takes: the UDP port of that number stays bound until this process ends."""
    while True:
        port = secrets.choice(PORTS)  # not `random`, which begins alike in each worker
        reservation = socket.socket(type=socket.SOCK_DGRAM)
        try:
            reservation.bind(("127.0.0.1", port))
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
        else:
            _reserved.append(reservation)
            return port


@cache
def hashed_password() -> str:
    """Return PASSWORD as the server stores it. Tests themselves hash by MD5, which no server takes."""
    hasher = Argon2PasswordHasher()
    return hasher.encode(PASSWORD, hasher.salt())


class Server:
    """One running server. Several may share a database, as nodes do."""

    def __init__(self, folder: Path, database_url: str, **settings: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.log = folder / f"server-{self.port}.log"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(folder),  # a killed server leaves files there
            "PYTHONPATH": str(ROOT),
            "ENV_FILE": os.environ["ENV_FILE"],  # what tests/settings.py says
            "SECRET_KEY": os.environ["SECRET_KEY"],
            "TOKEN_PEPPERS": os.environ["TOKEN_PEPPERS"],
            "DATABASE_URL": database_url,
            "PORT": str(self.port),
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str, **options: Any) -> str:
        """What `manage.py` prints when it is run with `arguments` and this server's settings."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, timeout=run.patience(20), capture_output=True, text=True, check=False,
            **options,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    def run(self, code: str) -> str:
        """Run `code` on this server's database, in this process, and return what it prints."""
        printed = StringIO()
        with databases.connected(self.environment["DATABASE_URL"]), redirect_stdout(printed):
            exec(code, {})
        return printed.getvalue().strip()

    def start(self, *, serve: bool = False, application: str = "") -> Self:
        """Start the server by `manage.py serve`, or by gunicorn itself where `serve` has nothing to prepare.

        The latter takes half the time. `application` is served in place of Tokenry.
        """
        serve = serve or not self.environment.keys().isdisjoint({"METRICS_TOKEN", "METRICS_ADDRESSES"})
        how = ["manage.py", "serve"] if serve else ["-m", "gunicorn", "--config", "python:config.gunicorn"]
        how += [application] if application else []
        collect_static()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *how],
                cwd=ROOT, env=self.environment, stdout=log, stderr=log,
                start_new_session=True,  # so that `kill` meets its workers too
            )  # fmt: skip
        began = time.monotonic()
        while not self.is_ready():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < began + run.patience(20), "the server did not start"
            time.sleep(0.05)
        return self

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=run.patience(1)):
                return True
        except (urllib.error.URLError, OSError):
            return False

    @property
    def workers(self) -> list[int]:
        """The numbers of the processes that answer requests."""
        assert self.process is not None
        parent = self.process.pid
        return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Stop the server and return its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(timeout=run.patience(20))

    def kill(self) -> None:
        """Kill whatever still runs of the server: its workers outlive a master that was killed alone."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=run.patience(5))


class Installation:
    """A migrated database with an administrator, and servers on it."""

    password = PASSWORD

    def __init__(self, folder: Path, database_url: str = "", **settings: str) -> None:
        """Use the database with that URL, or make a new one of the kind that the suite runs on."""
        self.folder = folder
        self.settings = settings
        self.servers: list[Server] = []
        self._own = "" if database_url else f"tokenry_{run.ID}_{secrets.token_hex(4)}"
        self.database_url = database_url or databases.make(self._own, folder)
        self.email = self.add_person("admin@example.com", is_staff=True, is_superuser=True)

    def add_person(self, email: str, **fields: Any) -> str:
        """Add somebody who signs in with PASSWORD, and return the address."""
        with databases.connected(self.database_url):
            user = User.objects.create_user(email=email, **fields)
            User.objects.filter(pk=user.pk).update(password=hashed_password())
        return email

    def for_another(self, email: str) -> "Installation":
        """Return the same installation with another administrator: tests that share a server share no tokens."""
        another = copy(self)
        another.email = self.add_person(email, is_staff=True, is_superuser=True)
        return another

    def server(self) -> Server:
        """Return another server on the same database, not started."""
        server = Server(self.folder, self.database_url, **self.settings)
        self.servers.append(server)
        return server

    def issue(self, name: str = "Test", lifetime: str = "90d", email: str = "", **fields: Any) -> str:
        """Return the value of a new token of the administrator, or of whoever has that address."""
        with databases.connected(self.database_url), override_settings(MAX_TOKENS_PER_USER=10_000):
            owner = User.objects.get(email=email or self.email)
            expires_at = LIFETIMES[lifetime].end(timezone.now())
            fields = {"environment": "live", **fields}
            return Token.objects.issue(owner=owner, name=name, expires_at=expires_at, **fields)[1].value

    def close(self) -> None:
        """Stop the servers, and drop the database where others would find it."""
        for server in self.servers:
            server.kill()
        if self._own and databases.SHARED:
            databases.drop(self._own)


def collect_static() -> None:
    """Collect the static files that servers serve, where that has not happened yet."""
    manifest = ROOT / "var/static/staticfiles.json"
    with FileLock(ROOT / "var/static.lock"):  # other runs in this clone use the same files
        sources = [path.stat().st_mtime for path in (ROOT / "static").iterdir()]
        if not manifest.exists() or manifest.stat().st_mtime < max(sources):
            subprocess.run(
                [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"],
                cwd=ROOT, check=True, env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
            )  # fmt: skip


def chromium(*, whole: bool = False) -> str | None:
    """Return the path of the browser for the browser tests: $CHROMIUM, or the system's.

    The headless shell is preferred: the same browser without windows, which opens a page in a third of the time. It
    has no back-forward cache, for which `whole` asks.
    """
    names = ["chromium", "chromium-browser"] if whole else ["chromium-headless-shell", "chromium", "chromium-browser"]
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
