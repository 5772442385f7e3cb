"""The databases and processes of a run."""

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, NamedTuple, Self
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis

ROOT = Path(__file__).resolve().parent.parent
POSTGRESQL = os.environ.get("BENCH_POSTGRESQL", "postgres://postgres@127.0.0.1:5432/tokenry_bench")
REDIS = os.environ.get("BENCH_REDIS", "redis://127.0.0.1:6379/14")
UNREACHED = "50000000/minute"
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
    "PYTHONPATH": str(ROOT),
    "DEBUG": "false",
    "SECRET_KEY": "bench-" + "k" * 50,
    "TOKEN_PEPPERS": "1:" + "p" * 40,
    "TOKEN_PREFIX": "tkn",
    "TOKEN_RATE_LIMIT": UNREACHED,
    "FAILED_AUTH_LIMIT": UNREACHED,
    "MAX_TOKENS_PER_USER": "1000000",
    "WEB_WORKERS": "1",
    "SITE_URL": "",
    "TRUSTED_PROXIES": "",
}


class Store(NamedTuple):
    """A database with `size` tokens."""

    database: str  # "sqlite", or "postgresql" together with Redis
    size: int


def missing() -> str:
    """Return why PostgreSQL and Redis can't be measured, or ""."""
    try:
        psycopg.connect(server(), connect_timeout=2).close()
    except psycopg.Error:
        return "no PostgreSQL"
    try:
        redis.Redis.from_url(REDIS, socket_connect_timeout=2).ping()
    except redis.RedisError:
        return "no Redis"
    return ""


def server() -> str:
    """Return the URL of PostgreSQL's own database."""
    return urlunsplit(urlsplit(POSTGRESQL)._replace(path="/postgres"))


def on_server(statement: str) -> None:
    """Run a statement on PostgreSQL's own database."""
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(statement)


class Process:
    """A running process of benchmarks/subject.py."""

    def __init__(self, environment: dict[str, str], population: str, log: IO[bytes]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.subject"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        self._tell(population)

    def _tell(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def ask(self, do: str, case: str, **numbers: Any) -> Any:
        """Return what the method `do` of subject.Subject returns."""
        self._tell(json.dumps({"do": do, "case": case, **numbers}))
        assert self._process.stdout
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the process of {case} ended")
        return json.loads(answer)

    def stop(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=20)


class Workshop:
    """Everything that a run makes, and removes at its end."""

    def __init__(self, stores: list[Store]) -> None:
        self._folder = tempfile.TemporaryDirectory(
            prefix="tokenry-bench-", ignore_cleanup_errors=True
        )
        self.path = Path(self._folder.name)
        self.log = (self.path / "log").open("ab")
        self.stores = stores
        self.populations: dict[Store, str] = {}
        self.processes: list[Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, *rest: Any) -> None:
        for process in self.processes:
            process.stop()
        for store in self.stores:
            if store.database == "postgresql":
                on_server(f'DROP DATABASE IF EXISTS "{self.name(store)}" WITH (FORCE)')
        if kind and kind is not KeyboardInterrupt:
            lines = (self.path / "log").read_text().splitlines()
            sys.stderr.write(
                "\n".join([line for line in lines if not line.startswith("{")][-40:]) + "\n"
            )
        self.log.close()
        self._folder.cleanup()

    def name(self, store: Store) -> str:
        return f"{urlsplit(POSTGRESQL).path.strip('/')}_{store.size}"

    def environment(self, store: Store, **changes: str) -> dict[str, str]:
        """Return the environment of a process that uses that database."""
        if store.database == "postgresql":
            urls = {
                "DATABASE_URL": urlunsplit(
                    urlsplit(POSTGRESQL)._replace(path=f"/{self.name(store)}")
                )
            }
            urls["REDIS_URL"] = REDIS
        else:
            urls = {
                "DATABASE_URL": f"sqlite:///{self.path / str(store.size)}.sqlite3",
                "REDIS_URL": "",
            }
        return {
            **os.environ,
            **SETTINGS,
            **urls,
            "BENCH_BARE": "",
            "BENCH_PREPARED": "",
            **changes,
        }

    def fill(self) -> None:
        """Fill all databases. SQLite and PostgreSQL are filled at the same time."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(self._fill_all, {store.database for store in self.stores}))

    def _fill_all(self, database: str) -> None:
        for store in self.stores:
            if store.database == database:
                self._fill(store)

    def _fill(self, store: Store) -> None:
        if store.database == "postgresql":
            on_server(f'DROP DATABASE IF EXISTS "{self.name(store)}" WITH (FORCE)')
            on_server(f'CREATE DATABASE "{self.name(store)}"')
        self.populations[store] = subprocess.run(
            [sys.executable, "-m", "benchmarks.population", str(store.size)],
            cwd=ROOT,
            env=self.environment(store),
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            check=True,
        ).stdout

    def start(self, store: Store, **changes: str) -> Process:
        process = Process(self.environment(store, **changes), self.populations[store], self.log)
        self.processes.append(process)
        return process
