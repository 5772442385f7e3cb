"""Own servers of Redis, PostgreSQL and PgBouncer, which tests may freeze and kill."""

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
    """A process with its children, in its own folder."""

    user: str | None = None  # the user of the process

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"tokenry-{run.ID}-"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def ping(self) -> None:
        """Raise an exception until the service is ready."""
        raise NotImplementedError

    def start(self) -> Self:
        self.process = self.run(self.command())
        run.until(self.ping, OSError, redis.RedisError, psycopg.OperationalError)
        return self

    def run(self, command: list[str]) -> subprocess.Popen[bytes]:
        quiet = subprocess.DEVNULL
        return subprocess.Popen(
            command, cwd=self.folder, stdout=quiet, stderr=quiet, user=self.user, group=self.user
        )

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
        listening = [
            "--bind",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--unixsocket",
            f"{self.folder}/redis.sock",
        ]
        return ["redis-server", *listening, "--save", ""]

    def ping(self) -> None:
        self.client.ping()

    def pass_time(self, seconds: float) -> None:
        """Let every key expire `seconds` earlier. Keys whose time is past are deleted."""
        for key in self.client.scan_iter():
            self.client.pexpire(key, self.client.pttl(key) - round(1000 * seconds))

    def close(self) -> None:
        self.client.close()
        super().close()
        # Ended threads leave connections in reference cycles. A socket may be collected before the
        # object that closes it.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


class Sentinel(Service):
    """A Redis Sentinel that promotes a replica soon after the master has stopped answering."""

    SERVICE = "main"

    def __init__(self, master: Redis) -> None:
        super().__init__()
        self.client = redis.Redis(port=self.port)
        service, down = self.SERVICE, round(1000 * run.patience(0.5))
        lines = [
            f"port {self.port}",
            "bind 127.0.0.1",
            f"sentinel monitor {service} 127.0.0.1 {master.port} 1",
            f"sentinel down-after-milliseconds {service} {down}",
            f"sentinel failover-timeout {service} 1000",
        ]
        Path(self.folder, "sentinel.conf").write_text("\n".join(lines))

    def command(self) -> list[str]:
        return ["redis-server", "sentinel.conf", "--sentinel"]

    def ping(self) -> None:
        """Raise an exception until the replica is known too."""
        if not self.client.sentinel_slaves(self.SERVICE):
            raise redis.ResponseError("no replica yet")

    def close(self) -> None:
        self.client.close()
        super().close()


class PostgreSQL(Service):
    """A server with a migrated database.

    It syncs nothing, because its data need not survive a crash.
    """

    def __init__(self, **settings: str) -> None:
        homes = sorted(
            Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
        )
        if not homes:
            pytest.skip("PostgreSQL is not installed")
        super().__init__()
        self.home = homes[-1].parent
        self.settings = settings
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        if os.geteuid() == 0:  # PostgreSQL and PgBouncer refuse to run as root
            self.user = "postgres"
            shutil.chown(self.folder, self.user)
        self.data = self.folder / "data"

    def start(self) -> Self:
        if not self.data.exists():
            self.make_data()
        return super().start()

    def make_data(self) -> None:
        """Copy the data of a migrated server, which each run makes once."""
        with run.lock("cluster"):
            if not CLUSTER.exists():
                self.make_cluster()
        # -a keeps owner and permissions, without which the server does not start.
        subprocess.run(["cp", "-a", CLUSTER, self.data], check=True)

    def make_cluster(self) -> None:
        made = self.run(
            [f"{self.home}/initdb", "-D", f"{self.data}", "-A", "trust", "-U", "postgres", "-N"]
        )
        assert made.wait(timeout=run.patience(30)) == 0
        super().start()
        databases.migrate(self.url)
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=run.patience(10))
        self.process = None
        self.data.rename(CLUSTER)  # in one step, so that no other process sees a part

    def command(self) -> list[str]:
        options = {"listen_addresses": "127.0.0.1", "port": self.port, "fsync": "off",
                   "unix_socket_directories": self.folder, **self.settings}  # fmt: skip
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return [f"{self.home}/postgres", "-D", f"{self.data}", *settings]

    def ping(self) -> None:
        psycopg.connect(self.url, connect_timeout=round(run.patience(1))).close()


class Standby(PostgreSQL):
    """A hot standby of a running server. Both begin as copies of the same data."""

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


class PgBouncer(Service):
    """A pool of few connections to `database`, by default in transaction mode."""

    POOL_SIZE = 3

    def __init__(self, database: PostgreSQL, mode: str = "transaction") -> None:
        if not shutil.which("pgbouncer"):
            pytest.skip("pgbouncer is not installed")
        super().__init__()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        lines = [
            "[databases]", f"postgres = host=127.0.0.1 port={database.port}",
            "[pgbouncer]", "listen_addr = 127.0.0.1", f"listen_port = {self.port}",
            "unix_socket_dir =", f"pool_mode = {mode}", f"default_pool_size = {self.POOL_SIZE}",
            "max_client_conn = 100", "server_login_retry = 1", "auth_type = trust",
            "auth_file = users.txt", "admin_users = postgres",
        ]  # fmt: skip
        Path(self.folder, "pgbouncer.ini").write_text("\n".join(lines))
        Path(self.folder, "users.txt").write_text('"postgres" ""\n')
        if os.geteuid() == 0:  # PostgreSQL and PgBouncer refuse to run as root
            self.user = "postgres"
            shutil.chown(self.folder, self.user)

    def command(self) -> list[str]:
        return ["pgbouncer", "pgbouncer.ini"]

    def ping(self) -> None:
        psycopg.connect(self.url, connect_timeout=round(run.patience(1))).close()

    def reconnect(self) -> None:
        """Make PgBouncer open new connections to PostgreSQL, which use the changed role."""
        with psycopg.connect(
            f"{self.url.rpartition('/')[0]}/pgbouncer", autocommit=True
        ) as console:
            console.execute("RECONNECT")


# Not in the run's folder, which PostgreSQL's user may not be able to read.
CLUSTER = Path(tempfile.gettempdir(), f"tokenry-{run.ID}-cluster")
