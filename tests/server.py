"""The production server, started for real on a database of its own, as `make run` does."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import psycopg

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Database:
    """An empty database beside the one that the suite runs on: PostgreSQL where DATABASE_URL says so, else SQLite."""

    def __init__(self, folder: Path) -> None:
        base = os.environ.get("DATABASE_URL", "")
        self.admin_url = ""
        self.url = f"sqlite:///{folder / 'server.sqlite3'}"
        if base.startswith("postgres"):
            self.admin_url = base
            self.name = f"tokenry_{folder.name}_{os.getpid()}".lower().replace("-", "_")[:60]
            self.url = urlunsplit(urlsplit(base)._replace(path=f"/{self.name}"))
            self._admin(f'CREATE DATABASE "{self.name}"')

    def drop(self) -> None:
        if self.admin_url:
            self._admin(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')

    def _admin(self, statement: str) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(statement)


class Server:
    """One running server. Several may share a database, as nodes do."""

    def __init__(self, folder: Path, database: Database, **settings: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.log = folder / f"server-{self.port}.log"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "SECRET_KEY": "server-" + "k" * 50,
            "TOKEN_PEPPERS": "1:" + "p" * 40,
            "DATABASE_URL": database.url,
            "PORT": str(self.port),
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str, **options: Any) -> str:
        """What `manage.py` prints when it is run with `arguments` and this server's settings."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60, check=False, **options,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    def run(self, code: str) -> str:
        """What `code` prints inside this installation."""
        return self.manage("shell", "--no-imports", "-c", code).strip()

    def start(self) -> Self:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.05)
        return self

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=1):
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
        """Its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(timeout=20)


class Installation:
    """A prepared database with its first administrator, and servers on it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.database = Database(folder)
        self.settings = settings
        self.servers: list[Server] = []
        first = self.server()
        first.manage("migrate", "--verbosity", "0")
        printed = first.manage("create_first_administrator")
        self.email = re.findall(r"Email: +(\S+)", printed)[0]
        self.password = re.findall(r"Password: +(\S+)", printed)[0]

    def server(self) -> Server:
        """Another server on the same database, not started."""
        server = Server(self.folder, self.database, **self.settings)
        self.servers.append(server)
        return server

    def issue(self, name: str = "Test", lifetime: str = "90d") -> str:
        """The value of a new token of the administrator."""
        return self.servers[0].run(
            "from django.utils import timezone; from accounts.models import User; from tokens.models import Token;"
            "from tokens.lifetime import LIFETIMES;"
            f"print(Token.objects.issue(owner=User.objects.get(email={self.email!r}), name={name!r},"
            f" environment='live', expires_at=LIFETIMES[{lifetime!r}].end(timezone.now()))[1].value)"
        )

    def close(self) -> None:
        for server in self.servers:
            if server.process is not None and server.process.poll() is None:
                server.stop(signal.SIGKILL)
        self.database.drop()


def collect_static() -> None:
    """Collect the static files that the server serves, where that has not happened yet."""
    manifest = ROOT / "var/static/staticfiles.json"
    sources = [path.stat().st_mtime for path in (ROOT / "static").iterdir()]
    if not manifest.exists() or manifest.stat().st_mtime < max(sources):
        subprocess.run(
            [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"],
            cwd=ROOT, check=True, timeout=120, env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
        )  # fmt: skip


def chromium() -> str | None:
    """The browser for the browser tests: $CHROMIUM, or the system's."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
