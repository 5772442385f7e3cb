"""Restore a loaded server's backup on another machine: all tokens and second factors work."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.conf import settings

from accounts.models import User
from config.environment import dotenv
from tests import databases, run
from tests.run import ROOT, patience
from tests.system.calls import call
from tests.system.conftest import Site, Sites
from tests.system.machines import PERSON, Factors, Load, Machine
from tokens.models import Event, Token

pytestmark = [pytest.mark.long, pytest.mark.services]
NO_INDEX = """
CREATE FUNCTION no_index() RETURNS event_trigger LANGUAGE plpgsql
AS $$ BEGIN RAISE 'no index today'; END $$;
CREATE EVENT TRIGGER no_index ON ddl_command_start
WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION no_index();
"""
KINDS = pytest.mark.parametrize("site", [False, True], ids=["SQLite", "PostgreSQL"], indirect=True)


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, sites: Sites) -> Site:
    if request.param and not shutil.which("pg_dump"):
        pytest.skip("pg_dump is not installed")
    made = sites(
        postgresql=request.param, TOKEN_RATE_LIMIT="1000000/hour", SITE_URL=settings.SITE_URL
    )
    made.installation.add_person(PERSON)
    return made


@pytest.fixture
def machine(tmp_path: Path, site: Site) -> Iterator[Machine]:
    """A machine with an empty database of the same kind."""
    made = Machine(tmp_path)
    made.server.root = made.root
    if site.postgresql:
        name = f"restored_{tmp_path.name}"
        with psycopg.connect(site.postgresql.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        made.server.environment["DATABASE_URL"] = urlunsplit(
            urlsplit(site.postgresql.url)._replace(path=f"/{name}")
        )
    yield made
    made.server.kill()


def refused(done: subprocess.CompletedProcess[str], says: str) -> None:
    """Assert that a command ended with one line that says so."""
    assert done.returncode == 1, done
    [line] = done.stderr.splitlines()
    assert re.search(says, line), line


def take_secrets(machine: Machine, path: Path) -> None:
    """Put the backup's secrets into the environment, as the runbook says for explicit secrets."""
    lines = subprocess.run(
        ["tar", "-xOf", path, "secrets.env"], capture_output=True, text=True, check=True
    ).stdout
    machine.server.environment |= dotenv.parse_settings(lines)


@KINDS
def test_everything_works_on_another_machine(site: Site, machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "tokenry.tar"
    values = [site.console.issue() for _ in range(3)]
    revoked = site.console.issue()
    site.console.change(revoked, "revoke()")
    factors = Factors(site)
    with Load(site, values[0]) as load:
        run.until(lambda: load.made[0], IndexError)
        before = list(load.made)
        site.server.manage("backup", str(path))
        after = list(load.made)
    assert len(after) > len(before), "nothing was made meanwhile"
    assert load.wrong == []
    assert path.stat().st_mode & 0o777 == 0o600

    if site.postgresql:
        take_secrets(machine, path)
    restored = machine.manage("restore", str(path))
    assert restored.returncode == 0, restored.stderr
    machine.server.start()
    for value in values + before:
        assert call(machine.server.port, value).status == 200
    assert call(machine.server.port, revoked).code == "revoked_token"
    factors.check(machine.server)
    with databases.connected(machine.server.environment["DATABASE_URL"]):
        tokens = set(Token.objects.values_list("pk", flat=True))
        assert tokens == set(
            Event.objects.filter(kind="created").values_list("token_id", flat=True)
        )
        assert len(values + before) < len(tokens) <= len(values + load.made) + 1
    refused(machine.manage("restore", str(path)), "has data already")
    assert call(machine.server.port, values[0]).status == 200


@KINDS
def test_other_secrets_are_refused(site: Site, machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "tokenry.tar"
    site.server.manage("backup", str(path))
    take_secrets(machine, path)
    machine.server.environment["TOKEN_PEPPERS"] = "1:" + "q" * 40
    refused(
        machine.manage("restore", str(path)), "TOKEN_PEPPERS must have the values of the backup"
    )


@pytest.mark.parametrize("site", [True], ids=["PostgreSQL"], indirect=True)
def test_tables_without_data_are_replaced(site: Site, machine: Machine, tmp_path: Path) -> None:
    """The server's unit migrates before it starts, so they may be there."""
    path = tmp_path / "tokenry.tar"
    site.server.manage("backup", str(path))
    take_secrets(machine, path)
    assert machine.manage("migrate").returncode == 0
    restored = machine.manage("restore", str(path))
    assert restored.returncode == 0, restored.stderr
    assert str(site.console.evaluate("User.objects.count()")) in restored.stdout


@pytest.mark.parametrize("site", [True], ids=["PostgreSQL"], indirect=True)
def test_what_fails_in_the_middle_leaves_the_data(
    site: Site, machine: Machine, tmp_path: Path
) -> None:
    """Indexes are made last."""
    path = tmp_path / "tokenry.tar"
    url = machine.server.environment["DATABASE_URL"]
    site.server.manage("backup", str(path))
    take_secrets(machine, path)
    assert machine.manage("migrate").returncode == 0
    assert (
        machine.manage("create_first_administrator", "--email", "kept@example.com").returncode == 0
    )
    with psycopg.connect(url, autocommit=True) as connection:
        refused(
            machine.manage("restore", "--force", str(path)),
            "in use by 1 other connections: stop all servers first",
        )
        connection.execute(NO_INDEX)
    refused(machine.manage("restore", "--force", str(path)), "psql failed: .*no index today")
    with databases.connected(url):
        assert User.objects.get().email == "kept@example.com"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP EVENT TRIGGER no_index")
    assert machine.manage("restore", "--force", str(path)).returncode == 0


@pytest.mark.parametrize("site", [True], ids=["PostgreSQL"], indirect=True)
@pytest.mark.parametrize(
    ("program", "says"),
    [
        (None, "pg_dump is not installed: install PostgreSQL's client programs"),
        (
            "echo 'pg_dump (PostgreSQL) 9.6.1'",
            "pg_dump has release 9, but the server has release [0-9]+: install",
        ),
        (
            "[ $1 != --version ] && echo 'no room' >&2 && exit 1; echo 99.1",
            "pg_dump failed: no room",
        ),
    ],
)
def test_a_program_that_is_of_no_use(
    site: Site, tmp_path: Path, program: str | None, says: str
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    if program:
        (programs / "pg_dump").write_text(f"#!/bin/sh\n{program}\n")
        (programs / "pg_dump").chmod(0o755)
    done = subprocess.run(
        [sys.executable, "manage.py", "backup", str(tmp_path / "x.tar"), "--quiet"],
        cwd=ROOT, env={**site.server.environment, "PATH": str(programs)},
        timeout=patience(20), capture_output=True, text=True, check=False,
    )  # fmt: skip
    refused(done, says)
    assert list(tmp_path.iterdir()) == [programs]


@pytest.mark.parametrize("site", [True], ids=["PostgreSQL"], indirect=True)
def test_no_password_on_a_command_line(site: Site, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "pg_dump").write_text(
        "#!/bin/sh\n[ $1 = --version ] && echo 99 && exit\n"
        f'echo "$@; $PGPASSWORD" > {tmp_path}/seen; exit 1\n'
    )
    (programs / "pg_dump").chmod(0o755)
    assert site.postgresql
    url = (
        site.postgresql.url.replace("postgres@", "postgres:p%20w%2F@")
        + "?connect_timeout=3&sslmode=prefer"
    )
    subprocess.run(
        [sys.executable, "manage.py", "backup", str(tmp_path / "x.tar"), "--quiet"],
        cwd=ROOT, env={**site.server.environment, "PATH": str(programs), "DATABASE_URL": url},
        timeout=patience(20), capture_output=True, check=False,
    )  # fmt: skip
    arguments, _, password = (tmp_path / "seen").read_text().strip().rpartition("; ")
    assert password == "p w/"
    assert "sslmode=prefer" in arguments
    assert "p w/" not in arguments
