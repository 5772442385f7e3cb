"""Checks for /readyz: can this process answer requests? A thread runs the checks in CHECKS.

A check returns a message: what fails, and what to do about it. "" means that all is well.
"""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import closing
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.db import Error, close_old_connections, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from redis import RedisError

from config.error_pages import first_line
from config.health import fingerprints
from config.server import drain, start_checks
from tokens.rate_limits import counters

FRESH_SECONDS = 1.0  # how long /readyz repeats a result before the checks run again
WAIT_SECONDS = 1.5  # how long a request waits for a result; load balancers wait only a few seconds
TOKENS_SECONDS = 4.0  # between two looks at all tokens, because these may take long

log = logging.getLogger(__name__)


def database_takes_writes() -> str:
    """Return "" if the database accepts writes, else a message."""
    if connection.vendor == "sqlite":
        return write_to_sqlite(Path(connection.settings_dict["NAME"]))
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        if cursor.fetchone() == ("off",):
            return ""
    connection.close()  # the next connection may reach another server
    return "takes no writes: it is a standby, or read-only. DATABASE_URL must lead to the primary."


def write_to_sqlite(path: Path) -> str:
    """Return "" if the SQLite file at `path` accepts writes, else a message.

    Try a write that changes no data. If another process is writing just now, return "" too.
    """
    try:
        with closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=0)
        ) as database:
            database.isolation_level = None  # only the statement below begins a transaction
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute("BEGIN IMMEDIATE")
            (version,) = database.execute("PRAGMA user_version").fetchone()
            # Tokenry does not use this number.
            database.execute(f"PRAGMA user_version = {version:d}")
            database.execute("COMMIT")
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            return ""
        return f"{path} takes no writes: {error}. Check the disk, the folder and their owner."
    return ""


@cache
def known_migrations() -> frozenset[tuple[str, str]]:
    """Return all migrations of this code, as pairs of application and name.

    Only file names are read, because loading the migrations would take long.
    """
    found = set()
    for app in apps.get_app_configs():
        package, _ = MigrationLoader.migrations_module(app.label)
        if package and find_spec(package):
            folder = import_module(package).__path__
            found |= {
                (app.label, each.name) for each in iter_modules(folder) if each.name[0] not in "_~"
            }
    return frozenset(found)


def migrations_are_applied() -> str:
    """Return "" if the database has all migrations of this code, else a message.

    More migrations than these are fine: a newer release made them, and this release works with
    them.
    """
    pending = sorted(
        known_migrations() - MigrationRecorder(connection).applied_migrations().keys()
    )
    if not pending:
        return ""
    first = ".".join(pending[0])
    return (
        f"lacks {len(pending)} migrations, {first} the first: run `manage.py migrate` with this "
        "server's settings."
    )


class UnreadTokens:
    """A check that this process has all peppers (keys) and prefixes that active tokens need."""

    def __init__(self) -> None:
        self.looked_at = float("-inf")
        self.found = ""

    def __call__(self) -> str:
        if time.monotonic() >= self.looked_at + TOKENS_SECONDS:
            self.found = start_checks.unread_tokens()
            self.looked_at = time.monotonic()
        return self.found


class Secrets:
    """A check that this process has the same secrets as the database has recorded.

    The first run also records new secrets, in case the database did not answer at the start.
    """

    def __init__(self) -> None:
        self.are_recorded = False

    def __call__(self) -> str:
        found = fingerprints.differences() if self.are_recorded else fingerprints.record()
        self.are_recorded = self.are_recorded or not found
        return " ".join(found)


# All these checks query the database. The first one that fails gives the message.
DATABASE_CHECKS: list[Callable[[], str]] = [
    database_takes_writes,
    migrations_are_applied,
    Secrets(),
    UnreadTokens(),
]


def close_old_connection() -> None:
    """Close a connection that should not be used again, so that the next query opens a new one.

    The connection may be broken, or read-only, or lead to an SQLite file that was replaced.
    """
    if connection.vendor == "sqlite":
        connection.close()
    else:
        close_old_connections()


def database() -> str:
    """Run DATABASE_CHECKS. Return the message of the first one that fails, or ""."""
    close_old_connection()
    try:
        return next(filter(None, (check() for check in DATABASE_CHECKS)), "")
    except Error as error:
        connection.close()
        return f"does not answer as it should: {first_line(error)}"


def redis() -> str:
    """Return "" if Redis accepts writes, else a message."""
    try:
        counters.get_counters().probe()
    except RedisError as error:
        return (
            f"takes no write: {first_line(error)}. Check REDIS_URL, and Redis's memory and role."
        )
    return ""


def static_files() -> str:
    """Return "" if the static files were collected and can be read, else a message.

    With DEBUG no files are collected, and a server for only the API needs none.
    """
    if (
        settings.DEBUG
        or settings.SERVE_ONLY == "api"
        or not isinstance(staticfiles_storage, ManifestFilesMixin)
    ):
        return ""
    if not staticfiles_storage.hashed_files:
        return (
            "were not collected when this server started: run `manage.py collectstatic`, "
            "and start again."
        )
    names = [staticfiles_storage.manifest_name, *staticfiles_storage.hashed_files.values()]
    unreadable = [name for name in names if not os.access(staticfiles_storage.path(name), os.R_OK)]
    if unreadable:
        return (
            f"lack {unreadable[0]}, or it can't be read by this user: "
            "run `manage.py collectstatic`."
        )
    return ""


CHECKS: Mapping[str, Callable[[], str]] = {
    "database": database,
    "Redis": redis,
    "static files": static_files,
}


class Readiness:
    """Run the checks when /readyz asks: at most once in FRESH_SECONDS, and never two runs at once.

    NOTE: While a service hangs, its check hangs too, but load balancers go on asking. If all these
    requests waited, they would occupy all threads of the server. So only the request that starts
    the checks waits, for at most WAIT_SECONDS. Others get the last result at once, unless that is
    old.
    """

    def __init__(
        self, checks: Mapping[str, Callable[[], str]] = CHECKS, thread: Executor | None = None
    ) -> None:
        self._checks = checks
        self._thread = thread or ThreadPoolExecutor(1, "readiness")
        self._lock = threading.Lock()
        self._began = float("-inf")
        self._current = ""  # the check that runs
        self._running: Future[dict[str, str]] | None = None
        self._last = {"start": "nothing was checked yet."}
        self._last_at = float("-inf")
        self._logged: set[str] = set()

    def failing(self) -> dict[str, str]:
        """Return a message for each check that fails, by its name. {} means: all is well."""
        if drain.has_begun:
            return {"stopping": "SIGTERM came."}
        with self._lock:
            waits = (
                self._begin_if_due()
                or time.monotonic() > self._last_at + FRESH_SECONDS + WAIT_SECONDS
            )
        if waits and self._running:
            wait([self._running], WAIT_SECONDS)
        with self._lock:
            found = self._result()
            self._log_changes(found)
        return found

    def _begin_if_due(self) -> bool:
        if self._running and not self._running.done():
            return False
        if time.monotonic() < self._began + FRESH_SECONDS:
            return False
        self._began = time.monotonic()
        self._running = self._thread.submit(self._run)
        return True

    def _run(self) -> dict[str, str]:
        found = {}
        for name, check in self._checks.items():
            self._current = name
            if words := check():
                found[name] = words
        return found

    def _result(self) -> dict[str, str]:
        now = time.monotonic()
        if self._running and self._running.done():
            error = self._running.exception()
            self._last = (
                {self._current: f"the check fails: {error!r}"} if error else self._running.result()
            )
            self._last_at = self._began
        elif now >= self._began + WAIT_SECONDS:
            self._last, self._last_at = (
                {self._current: f"no answer within {WAIT_SECONDS} seconds."},
                now,
            )
        return self._last

    def _log_changes(self, found: dict[str, str]) -> None:
        if found.keys() == self._logged:
            return
        self._logged = set(found)
        if found:
            log.warning("not ready: %s", "; ".join(as_lines(found)))
        else:
            log.info("ready again")


def as_lines(found: dict[str, str]) -> list[str]:
    """Return a line of text for each check that failed."""
    return [f"{name}: {words}" for name, words in found.items()]


readiness = Readiness()
