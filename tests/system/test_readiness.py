"""Each cause, by name, makes a server unready within five seconds; then it gets ready again."""

import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import psycopg
import pytest

from tests import databases
from tests.quicker import first_quickly
from tests.run import ROOT, until, within
from tests.server import Installation, Server
from tests.system.conftest import Site, Sites

SECONDS = 5


def probe(server: Server) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=within(2))
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def check_says(server: Server, words: str) -> None:
    """Fail unless /readyz says `words` within five seconds; "ready" stands for a ready server."""
    began = time.monotonic()

    def says() -> None:
        status, text = probe(server)
        assert (status == 200) == (words == "ready"), text
        assert words in text

    until(says, AssertionError)
    assert time.monotonic() - began < within(SECONDS)


@pytest.fixture(scope="module")
def site(sites: Sites) -> Site:
    return sites(postgresql=True, redis=True, METRICS_ADDRESSES="127.0.0.1", WEB_WORKERS="1")


@pytest.fixture
def server(site: Site) -> Iterator[Server]:
    check_says(site.server, "ready")
    yield site.server
    check_says(site.server, "ready")


@pytest.fixture
def database(site: Site) -> Iterator[psycopg.Connection]:
    assert site.postgresql
    with closing(psycopg.connect(site.postgresql.url, autocommit=True)) as connection:
        connection.execute("SET default_transaction_read_only = off")
        yield connection


def test_a_migration_that_is_not_applied(server: Server, database: psycopg.Connection) -> None:
    change = "UPDATE django_migrations SET app = %s WHERE app = %s AND name LIKE '0003%%'"
    database.execute(change, ["away", "tokens"])
    check_says(
        server,
        "database: lacks 1 migrations, tokens.0003_api_scopes the first: run `manage.py migrate`",
    )
    database.execute(change, ["tokens", "away"])


def test_a_database_that_takes_no_writes(server: Server, database: psycopg.Connection) -> None:
    for state in ("on", "off"):
        database.execute(f"ALTER SYSTEM SET default_transaction_read_only = {state}")
        database.execute("SELECT pg_reload_conf()")
        check_says(server, "database: " if state == "on" else "ready")


def test_a_pepper_that_is_missing(
    site: Site, server: Server, database: psycopg.Connection
) -> None:
    value = site.console.issue()
    for pepper in (7, 1):
        database.execute(
            "UPDATE tokens_token SET pepper = %s WHERE identifier = %s", [pepper, value[:24]]
        )
        check_says(server, "database: TOKEN_PEPPERS lacks number 7" if pepper == 7 else "ready")


@pytest.mark.parametrize("setting", [("maxmemory", "1"), ("min-replicas-to-write", "1")])
def test_a_redis_that_takes_no_writes(
    site: Site, server: Server, setting: tuple[str, str]
) -> None:
    assert site.redis
    name, value = setting
    site.redis.client.config_set(name, value)
    check_says(server, "Redis: takes no write: ")
    site.redis.client.config_set(name, 0)


def test_a_redis_that_is_a_replica(site: Site, server: Server) -> None:
    assert site.redis
    site.redis.client.replicaof("127.0.0.1", "1")
    check_says(server, "Redis: takes no write: ")
    site.redis.client.replicaof("NO", "ONE")


@pytest.mark.parametrize("service", ["redis", "postgresql"])
@pytest.mark.parametrize("how", first_quickly([("freeze", "thaw"), ("kill", "start")], 1))
def test_a_service_that_is_away(
    site: Site, server: Server, service: str, how: tuple[str, str]
) -> None:
    """Each answer comes within two seconds: `probe` waits no longer."""
    away = getattr(site, service)
    getattr(away, how[0])()
    try:
        check_says(server, "Redis: " if service == "redis" else "database: ")
    finally:
        getattr(away, how[1])()


def test_a_log_line_for_each_change_alone(site: Site, server: Server) -> None:
    assert site.redis
    before = len(server.log.read_text().splitlines())
    site.redis.client.config_set("maxmemory", "1")
    check_says(server, "Redis: ")
    for _ in range(20):
        assert probe(server)[0] == 503
    site.redis.client.config_set("maxmemory", 0)
    check_says(server, "ready")
    new = server.log.read_text().splitlines()[before:]
    assert [line.partition("config.health.readiness ")[2][:9] for line in new] == [
        "not ready",
        "ready aga",
    ]


def test_an_empty_database(tmp_path: Path) -> None:
    """`serve` starts on it, and is not ready until it is migrated."""
    with closing(
        Installation(tmp_path, databases.sqlite(tmp_path / "some.sqlite3"))
    ) as installation:
        server = installation.server()
        server.environment |= {
            "DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3",
            "METRICS_ADDRESSES": "127.0.0.1",
        }
        server.start(probe="/healthz")
        check_says(server, "database: lacks ")
        server.manage("migrate", "--no-input")
        check_says(server, "ready")


@pytest.mark.long
def test_static_files_that_are_gone(tmp_path: Path) -> None:
    """Of a copy of the code, because all servers of a clone share the files."""
    code = tmp_path / "code"
    shutil.copytree(ROOT, code, ignore=shutil.ignore_patterns("var", ".git", ".venv", "docs"))
    with closing(
        Installation(tmp_path, databases.sqlite(tmp_path / "some.sqlite3"))
    ) as installation:
        server = installation.server()
        server.environment["METRICS_ADDRESSES"] = "127.0.0.1"
        server.root = code
        server.manage("collectstatic", "--no-input")
        server.start()
        (code / "var/static").rename(code / "var/away")
        check_says(server, "static files: lack staticfiles.json")
        (code / "var/away").rename(code / "var/static")
        check_says(server, "ready")
        server.stop()
        (code / "var/static/staticfiles.json").unlink()
        server.start(probe="/healthz")
        check_says(server, "static files: were not collected when this server started")


def test_an_sqlite_file_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with closing(
        Installation(tmp_path, databases.sqlite(tmp_path / "data/some.sqlite3"))
    ) as installation:
        installation.settings["METRICS_ADDRESSES"] = "127.0.0.1"
        server = installation.server().start()
        (tmp_path / "data").rename(tmp_path / "away")
        check_says(server, "some.sqlite3 takes no writes: unable to open database file.")
        (tmp_path / "away").rename(tmp_path / "data")
        check_says(server, "ready")
