"""PgBouncer in transaction mode, with fewer PostgreSQL connections than server threads."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from tests.run import until, within
from tests.server import Installation
from tests.services import PgBouncer, PostgreSQL
from tests.system.calls import Answer, call
from tests.system.conftest import Site
from tests.system.console import Console
from tests.system.test_outages import API_SECONDS, BACK, check_kind, check_refused, sign_in, visit
from tokens.core.circuit_breaker import OPEN_SECONDS

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQL]:
    with closing(PostgreSQL()) as made:
        yield made.start()


@pytest.fixture(scope="module")
def pooler(database: PostgreSQL) -> Iterator[PgBouncer]:
    with closing(PgBouncer(database)) as made:
        yield made.start()


@pytest.fixture(scope="module")
def site(
    database: PostgreSQL, pooler: PgBouncer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A server that reaches PostgreSQL through PgBouncer alone, and a console that does not."""
    folder = tmp_path_factory.mktemp("site")
    settings = {
        "DATABASE_URL": f"{pooler.url}?pgbouncer=transaction",
        "TOKEN_RATE_LIMIT": "1000000/hour",
    }
    with closing(Installation(folder, database.url, **settings)) as installation:
        yield Site(
            installation.server().start(), Console(installation), installation, None, database
        )


@pytest.fixture(scope="module")
def value(site: Site) -> str:
    return site.console.issue(scopes=("tokens:read", "tokens:write"))


@pytest.fixture(scope="module")
def cookies(site: Site) -> dict[str, str]:
    """Of somebody who signed in."""
    signed_in = sign_in(site, visit(site, "/accounts/login/", {}).cookies)
    assert signed_in.status == 302
    return signed_in.cookies


def ask_all(site: Site, value: str, path: str = "/verify", calls: int = 60) -> set[int]:
    """Return what many requests, in more threads than there are connections, are answered."""
    with ThreadPoolExecutor(12) as pool:
        return {
            answer.status
            for answer in pool.map(lambda _: call(site.server.port, value, path), range(calls))
        }


def test_everything_works(
    site: Site, database: PostgreSQL, value: str, cookies: dict[str, str]
) -> None:
    assert ask_all(site, value) == {200}
    assert ask_all(site, value, "/api/v1/tokens") == {200}
    assert visit(site, "/settings/tokens/", cookies).status == 200
    assert visit(site, "/settings/activity/", cookies).status == 200
    with psycopg.connect(database.url) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datid IS NOT NULL AND pid <> pg_backend_pid()"
        ).fetchone()
    assert found is not None
    assert 0 < found[0] <= PgBouncer.POOL_SIZE + 1  # the console's
    revoked = site.console.issue()
    assert call(site.server.port, revoked, "/api/v1/token", method="DELETE").status == 204
    assert call(site.server.port, revoked).code == "revoked_token"


@pytest.mark.parametrize("how", BACK)
@pytest.mark.parametrize("which", ["database", "pooler"])
def test_an_outage(
    site: Site, cookies: dict[str, str], request: pytest.FixtureRequest, which: str, how: str
) -> None:
    service, value = request.getfixturevalue(which), request.getfixturevalue("value")

    def ask(_: int = 0) -> Answer:
        return call(site.server.port, value, timeout=within(API_SECONDS))

    def works() -> None:
        assert ask_all(site, value) == {200}
        assert visit(site, "/settings/tokens/", cookies).status == 200

    works()
    getattr(service, how)()
    try:
        over = time.monotonic() + 2.5 * OPEN_SECONDS  # so that some requests try again meanwhile
        with ThreadPoolExecutor(12) as pool:
            while time.monotonic() < over:
                for answer in pool.map(ask, range(12)):
                    check_refused(answer)
                check_kind(visit(site, "/settings/tokens/", cookies))
    finally:
        getattr(service, BACK[how])()
    until(works, AssertionError)


def test_missing_time_outs_are_said_at_the_start(
    site: Site, database: PostgreSQL, pooler: PgBouncer
) -> None:
    def start() -> str:
        server = site.installation.server().start(serve=True)
        server.stop()
        return server.log.read_text()

    commands = (
        "ALTER ROLE \"postgres\" SET statement_timeout = '1500ms';"
        " ALTER ROLE \"postgres\" SET lock_timeout = '1s';"
    )
    assert f"run {commands} Then have PgBouncer RECONNECT.\n" in start()
    with psycopg.connect(database.url, autocommit=True) as connection:
        for command in commands.split(";")[:2]:
            connection.execute(command)
    pooler.reconnect()
    assert "ALTER ROLE" not in start()
    assert time_out(site) == "1500ms"
    assert (
        time_out(site, COMMANDS_DATABASE_URL=database.url) == "0"
    )  # PostgreSQL itself, as long as it takes


def time_out(site: Site, **settings: str) -> str:
    """Return the statement timeout of a command's connection."""
    code = (
        "from django.db import connection; cursor = connection.cursor();"
        " cursor.execute('SHOW statement_timeout')"
    )
    server = site.installation.server()
    server.environment |= settings
    return server.manage(
        "shell", "--no-imports", "-c", f"{code}; print(cursor.fetchone()[0])"
    ).strip()


def test_a_session_of_its_own_is_told_its_time_outs(
    site: Site, database: PostgreSQL, value: str
) -> None:
    code = (
        "from django.db import connection;"
        "from django.db.backends.signals import connection_created;"
        "from config.server import gunicorn;"
        "connection_created.connect(gunicorn.set_time_outs);"
        "cursor = connection.cursor(); cursor.execute('SHOW statement_timeout');"
        "print(cursor.fetchone()[0])"
    )
    with closing(PgBouncer(database, "session")) as pooler:
        server = site.installation.server()
        server.environment["DATABASE_URL"] = f"{pooler.start().url}?pgbouncer=session"
        assert server.manage("shell", "--no-imports", "-c", code) == "1500ms\n"
        assert call(server.start().port, value).status == 200
        server.stop()
