"""The production server, started on its own database, for system tests."""

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
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from copy import copy
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.test import override_settings
from django.utils import timezone
from filelock import FileLock

from accounts.models import User
from accounts.passwords import OneAtATimeHasher
from tests import databases, run
from tests.run import ROOT
from tokens.core.lifetimes import LIFETIMES
from tokens.models import Token

PASSWORD = "correct horse battery staple"
PORTS = range(10_000, 30_000)  # below the ports of outgoing connections
_reserved: list[socket.socket] = []


def free_port() -> int:
    """Return a TCP port that no other test takes.

    The UDP port with the same number stays bound until this process ends, which reserves the
    number.
    """
    while True:
        port = secrets.choice(PORTS)  # not `random`, which has the same seed in each worker
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


@contextmanager
def frozen(*processes: int) -> Iterator[None]:
    """Stop processes for a while. The other workers of the same server answer all requests."""
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


@cache
def hashed_password() -> str:
    """Return PASSWORD as the server stores it. Tests use MD5, which the server does not accept."""
    hasher = OneAtATimeHasher()
    return hasher.encode(PASSWORD, hasher.salt())


class Server:
    """A running server. Several servers may share a database, as nodes do."""

    def __init__(self, folder: Path, database_url: str, **settings: str) -> None:
        self.folder = folder
        self.root = ROOT  # of the code
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.log = folder / f"server-{self.port}.log"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(folder),  # for the files that a killed server leaves behind
            "PYTHONPATH": str(ROOT),
            "ENV_FILE": os.environ["ENV_FILE"],  # from tests/settings.py
            "SECRET_KEY": os.environ["SECRET_KEY"],
            "TOKEN_PEPPERS": os.environ["TOKEN_PEPPERS"],
            "DATABASE_URL": database_url,
            "PORT": str(self.port),
            "TOKEN_LEASES": "off",  # as in tests/settings.py
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def code(self) -> dict[str, str]:
        """Return the environment, with the folder of the code in PYTHONPATH."""
        return self.environment | {"PYTHONPATH": str(self.root)}

    def manage(self, *arguments: str, **options: Any) -> str:
        """Run `manage.py` with this server's settings, and return its output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.root,
            env=self.code(),
            timeout=run.patience(20),
            capture_output=True,
            text=True,
            check=False,
            **options,
        )
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    def run(self, code: str) -> str:
        """Run `code` on this server's database, in this process, and return what it prints."""
        printed = StringIO()
        with databases.connected(self.environment["DATABASE_URL"]), redirect_stdout(printed):
            exec(code, {})
        return printed.getvalue().strip()

    def start(
        self, *, serve: bool = False, only: str = "", application: str = "", probe: str = "/readyz"
    ) -> Self:
        """Start the server with gunicorn, or with `manage.py serve` if that has work to do.

        gunicorn alone starts in half the time. `only` names the part to serve. `application`
        replaces Tokenry. The server is ready when `probe` answers.
        """
        serve = (
            serve
            or bool(only)
            or not self.environment.keys().isdisjoint({"METRICS_TOKEN", "METRICS_ADDRESSES"})
        )
        # Tests of an upgrade also start an older release, where the module is elsewhere.
        is_new = (self.root / "config" / "server").is_dir()
        module = "config.server.gunicorn" if is_new else "config.gunicorn"
        how = (
            ["manage.py", "serve"] if serve else ["-m", "gunicorn", "--config", f"python:{module}"]
        )
        how += ["--only", only] if only else []
        how += [application] if application else []
        if self.root == ROOT:
            collect_static()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *how],
                cwd=self.root, env=self.code(), stdout=log, stderr=log,
                start_new_session=True,  # so that `kill` reaches its workers too
            )  # fmt: skip
        began = time.monotonic()
        while not self.is_ready(probe):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < began + run.patience(20), "the server did not start"
            time.sleep(0.05)
        return self

    def is_ready(self, probe: str = "/readyz") -> bool:
        """Return True if the probe answers 200."""
        try:
            with urllib.request.urlopen(f"{self.url}{probe}", timeout=run.patience(1)):
                return True
        except (urllib.error.URLError, OSError):
            return False

    @property
    def workers(self) -> list[int]:
        """Return the process IDs of the workers."""
        assert self.process is not None
        parent = self.process.pid
        return [
            int(child)
            for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        ]

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Stop the server and return its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(timeout=run.patience(20))

    def kill(self) -> None:
        """Kill all processes of the server.

        Workers go on when only the first process is killed.
        """
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=run.patience(5))


class Installation:
    """A migrated database with an administrator, and servers on it."""

    password = PASSWORD

    def __init__(self, folder: Path, database_url: str = "", **settings: str) -> None:
        """Use the database with that URL, or make a new database of the suite's kind."""
        self.folder = folder
        self.settings = settings
        self.servers: list[Server] = []
        self._own = "" if database_url else f"tokenry_{run.ID}_{secrets.token_hex(4)}"
        self.database_url = database_url or databases.make(self._own, folder)
        self.email = self.add_person("admin@example.com", is_staff=True, is_superuser=True)

    def add_person(self, email: str, **fields: Any) -> str:
        """Add an account with PASSWORD, and return its address."""
        with databases.connected(self.database_url):
            user = User.objects.create_user(email=email, **fields)
            User.objects.filter(pk=user.pk).update(password=hashed_password())
        return email

    def for_another(self, email: str) -> "Installation":
        """Return the same installation with another administrator.

        So tests that share a server do not share tokens.
        """
        another = copy(self)
        another.email = self.add_person(email, is_staff=True, is_superuser=True)
        return another

    def server(self) -> Server:
        """Return another server on the same database, not started."""
        server = Server(self.folder, self.database_url, **self.settings)
        self.servers.append(server)
        return server

    def issue(
        self, name: str = "Test", lifetime: str = "90d", email: str = "", **fields: Any
    ) -> str:
        """Return the value of a new token of the administrator, or of the account with `email`."""
        with (
            databases.connected(self.database_url),
            override_settings(TOKENRY={**settings.TOKENRY, "MAX_TOKENS_PER_USER": 10_000}),
        ):
            owner = User.objects.get(email=email or self.email)
            expires_at = LIFETIMES[lifetime].end(timezone.now())
            fields = {"environment": "live", "expires_at": expires_at, **fields}
            _, credential = Token.objects.issue(owner=owner, name=name, **fields)
            return credential.value

    def close(self) -> None:
        """Stop the servers, and drop the database if it is on a shared server."""
        for server in self.servers:
            server.kill()
        if self._own and databases.SHARED:
            databases.drop(self._own)


def collect_static() -> None:
    """Collect the static files, unless this has happened already."""
    manifest = ROOT / "var/static/staticfiles.json"
    with FileLock(ROOT / "var/static.lock"):  # other runs in this clone use the same files
        folders = ROOT / "static", ROOT / "tokens/static/tokens"
        sources = [path.stat().st_mtime for folder in folders for path in folder.iterdir()]
        if not manifest.exists() or manifest.stat().st_mtime < max(sources):
            subprocess.run(
                [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"],
                cwd=ROOT,
                check=True,
                env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
            )


def chromium(*, whole: bool = False) -> str | None:
    """Return the path of the browser for the browser tests: $CHROMIUM, or the system's.

    The headless shell is preferred. It is the same browser without windows, and opens a page in a
    third of the time. It has no back-forward cache; `whole` asks for a browser with this cache.
    """
    names = (
        ["chromium", "chromium-browser"]
        if whole
        else ["chromium-headless-shell", "chromium", "chromium-browser"]
    )
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
