"""Backup and restore of a PostgreSQL database, with pg_dump, pg_restore and psql."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from django.core.management.base import CommandError
from django.db import connection, transaction
from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo

from config.backups.content import Content, current_content

LOCK_SECONDS = 30  # how long pg_dump or psql waits for a lock
PASSWORDS = {"password", "sslpassword"}  # parameters of a connection


def dump(path: Path) -> Content:
    """Dump the database into a file at `path`, check the dump, and return its content.

    The content is read in the same snapshot as the dump, so it counts exactly the rows of the
    dump.
    """
    refuse_an_older_program("pg_dump")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            # This transaction is idle while pg_dump runs. PostgreSQL must not end it, because
            # pg_dump reads its snapshot.
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_export_snapshot()")
            [snapshot] = cursor.fetchone()
        waits = f"--lock-wait-timeout={LOCK_SECONDS}s"
        run_program(
            "pg_dump",
            "--format=custom",
            f"--snapshot={snapshot}",
            waits,
            f"--file={path}",
            f"--dbname={connection_text()}",
        )
        held = current_content()
    run_program("pg_restore", f"--file={os.devnull}", str(path))  # reads the whole dump
    return held


def load(path: Path, folder: Path) -> None:
    """Replace Tokenry's tables with those of the dump at `path`, in one transaction.

    `folder` is for temporary files. Raise CommandError if this fails; then nothing has changed.
    """
    script, drop = folder / "restore.sql", folder / "drop.sql"
    run_program("pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(path))
    drop.write_text(drop_tables())
    files = [f"--file={drop}", f"--file={script}"]
    once = [
        "--no-psqlrc",
        "--quiet",
        f"--output={os.devnull}",
        "--single-transaction",
        "--set=ON_ERROR_STOP=1",
    ]
    run_program("psql", *once, *files, f"--dbname={connection_text()}")


def drop_tables() -> str:
    """Return the SQL that drops Tokenry's tables. Other tables of the database stay."""
    names = [
        *connection.introspection.django_table_names(only_existing=True, include_views=False),
        "django_migrations",
    ]
    tables = ", ".join(map(connection.ops.quote_name, names))
    return f"SET lock_timeout = '{LOCK_SECONDS}s';\nDROP TABLE IF EXISTS {tables} CASCADE;\n"


def refuse_other_users() -> None:
    """Raise CommandError if other connections use the database, such as those of a server.

    A running server would keep rows of the old database in memory.
    """
    others = "datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM pg_stat_activity WHERE {others}")  # noqa: S608
        [count] = cursor.fetchone()
    if count:
        raise CommandError(
            f"The database is in use by {count} other connections: stop all servers first."
        )


def refuse_an_older_program(name: str) -> None:
    """Raise CommandError if the program `name`, such as pg_dump, is older than the server.

    An older program may leave out something that the server stores.
    """
    command = [program_path(name), "--version"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r"\d+", asked.stdout)
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        server = int(cursor.fetchone()[0]) // 10_000
    if not found or int(found[0]) < server:
        release = found[0] if found else "an unknown release"
        raise CommandError(
            f"{name} has release {release}, but the server has release {server}: install "
            f"PostgreSQL's client programs of release {server} "
            f"(Debian: postgresql-client-{server})."
        )


def program_path(name: str) -> str:
    """Return the path of the program `name`. Raise CommandError if it is not installed."""
    if path := shutil.which(name):
        return path
    raise CommandError(
        f"{name} is not installed: install PostgreSQL's client programs "
        "(Debian: apt install postgresql-client)."
    )


def connection_parameters() -> dict[str, str]:
    """Return the parameters of the database connection that PostgreSQL's programs know."""
    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    return {
        name: value for name, value in connection.get_connection_params().items() if name in known
    }


def connection_text() -> str:
    """Return the connection's parameters, without passwords, for the command line of a program.

    Passwords are left out because every user of the machine can read command lines.
    """
    return make_conninfo(
        **{name: value for name, value in connection_parameters().items() if name not in PASSWORDS}
    )


def run_program(name: str, *arguments: str) -> None:
    """Run a program of PostgreSQL. Raise CommandError with its error output if it fails.

    A password is passed to the program in its environment.
    """
    password = connection_parameters().get("password")
    environment = {**os.environ, "PGPASSWORD": password} if password else None
    done = subprocess.run(  # noqa: S603
        [program_path(name), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise CommandError(f"{name} failed: {said}")
