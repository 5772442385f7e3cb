"""A Redis and a PostgreSQL of the tests' own, to be frozen and killed as no shared one may be."""

import gc
import os
import shutil
import signal
import subprocess
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Self

import psycopg
import pytest
import redis

from tests import databases, run
from tests.server import free_port


class Service:
    """A process with its children, in a folder of its own."""

    user: str | None = None  # whose process it is

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"tokenry-{run.ID}-"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def ping(self) -> None:
        """Raise an exception until it is ready."""
        raise NotImplementedError

    def start(self) -> Self:
        self.process = self.run(self.command())
        run.until(self.ping, OSError, redis.RedisError, psycopg.OperationalError)
        return self

    def run(self, command: list[str]) -> subprocess.Popen[bytes]:
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, cwd=self.folder, stdout=quiet, stderr=quiet, user=self.user, group=self.user)

    def send(self, how: signal.Signals) -> None:
        """Send a signal to the process, then to its children, which it can no longer replace."""
        assert self.process is not None
        parent = self.process.pid
        os.kill(parent, how)
        for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            with suppress(ProcessLookupError):  # some end by themselves: PostgreSQL's autovacuum
                os.kill(int(child), how)

    def freeze(self) -> None:
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        self.send(signal.SIGCONT)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(timeout=run.patience(5))
        self.process = None

    def close(self) -> None:
        if self.process is not None:
            self.kill()
        shutil.rmtree(self.folder)


class Redis(Service):
    def __init__(self) -> None:
        if not shutil.which("redis-server"):
            pytest.skip("redis-server is not installed")
        super().__init__()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis.from_url(self.url)

    def command(self) -> list[str]:
        listening = ["--bind", "127.0.0.1", "--port", str(self.port), "--unixsocket", f"{self.folder}/redis.sock"]
        return ["redis-server", *listening, "--save", ""]

    def ping(self) -> None:
        self.client.ping()

    def pass_time(self, seconds: float) -> None:
        """Have every key expire so much earlier."""
        for key in self.client.scan_iter():
            self.client.pexpire(key, self.client.pttl(key) - round(1000 * seconds))  # deletes it where that is past

    def close(self) -> None:
        self.client.close()
        super().close()
        # Connections that ended threads left are cycles, whose sockets may be collected before what closes them.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


class PostgreSQL(Service):
    """A server with a migrated database. Its data need not survive a crash, so nothing is synced."""

    def __init__(self) -> None:
        homes = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
        if not homes:
            pytest.skip("PostgreSQL is not installed")
        super().__init__()
        self.home = homes[-1].parent
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        if os.geteuid() == 0:  # as which it refuses to run
            self.user = "postgres"
            shutil.chown(self.folder, self.user)
        self.data = self.folder / "data"

    def start(self) -> Self:
        if not self.data.exists():
            self.make_data()
        return super().start()

    def make_data(self) -> None:
        """Copy the data of a server with a migrated database, which is made once in each run."""
        with run.lock("cluster"):
            if not CLUSTER.exists():
                self.make_cluster()
        # With owner and permissions, without which the server does not start.
        subprocess.run(["cp", "-a", CLUSTER, self.data], check=True)

    def make_cluster(self) -> None:
        made = self.run([f"{self.home}/initdb", "-D", f"{self.data}", "-A", "trust", "-U", "postgres", "-N"])
        assert made.wait(timeout=run.patience(30)) == 0
        super().start()
        databases.migrate(self.url)
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=run.patience(10))
        self.process = None
        self.data.rename(CLUSTER)  # whole, or not at all

    def command(self) -> list[str]:
        options = {"listen_addresses": "127.0.0.1", "port": self.port, "fsync": "off",
                   "unix_socket_directories": self.folder}  # fmt: skip
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return [f"{self.home}/postgres", "-D", f"{self.data}", *settings]

    def ping(self) -> None:
        psycopg.connect(self.url, connect_timeout=round(run.patience(1))).close()


class Standby(PostgreSQL):
    """A hot standby of a server that runs; both begin as copies of one cluster."""

    def __init__(self, primary: PostgreSQL) -> None:
        super().__init__()
        self.primary = primary

    def make_data(self) -> None:
        super().make_data()
        signal_file = self.data / "standby.signal"
        signal_file.touch()
        if self.user:
            shutil.chown(signal_file, self.user)

    def command(self) -> list[str]:
        address = f"host=127.0.0.1 port={self.primary.port} user=postgres"
        return [*super().command(), "-c", f"primary_conninfo={address}"]


# Not in the run's folder, which PostgreSQL's user may not be able to read.
CLUSTER = Path(tempfile.gettempdir(), f"tokenry-{run.ID}-cluster")
