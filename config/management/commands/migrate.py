"""Django's `migrate`, changed: only one process at a time migrates a database.

So several nodes may run this command at once when they start.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

LOCK = 7_410_230_155  # number of the advisory lock; no other program should use it
ASK_AGAIN_SECONDS = 0.2


class Command(migrate.Command):
    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the checks and the migrations while no other process migrates the database.

        NOTE: The checks need the lock too. On SQLite, one check begins a transaction. If another
        process writes for too long, Django takes the database for one without JSON.
        """
        connection = connections[options["database"]]
        if options["plan"] or options["check_unapplied"]:  # these change nothing
            return super().execute(*args, **options)
        with migration_lock(connection, self.say_that_it_waits):
            return super().execute(*args, **options)

    def say_that_it_waits(self) -> None:
        self.stderr.write(
            "Another `migrate` is running on this database. This command waits until it has ended."
        )


def migration_lock(
    connection: BaseDatabaseWrapper, waits: Callable[[], None]
) -> AbstractContextManager[None]:
    """Return a context in which no other process migrates the same database.

    Call `waits` once if another process is migrating now.
    """
    sqlite = connection.vendor == "sqlite"
    lock = sqlite_migration_lock if sqlite else postgresql_migration_lock
    return lock(connection, waits)


@contextmanager
def postgresql_migration_lock(
    connection: BaseDatabaseWrapper, waits: Callable[[], None]
) -> Iterator[None]:
    """Hold an advisory lock of PostgreSQL while the context lasts.

    NOTE: The lock belongs to a transaction on its own connection. PgBouncer keeps a transaction on
    one session, so the lock works behind PgBouncer too. A process that waits for the lock tries
    again and again. It does not wait inside one statement, because a statement has a snapshot, and
    CREATE INDEX CONCURRENTLY of the other process waits until older snapshots end. Both would wait
    for ever.
    """
    holder = connection.copy()
    try:
        holder.set_autocommit(False)

        def take() -> bool:
            with holder.cursor() as cursor:
                cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
                (taken,) = cursor.fetchone()
            if not taken:
                holder.rollback()
            return bool(taken)

        wait_for(take, waits)
        yield
    finally:
        holder.close()


@contextmanager
def sqlite_migration_lock(
    connection: BaseDatabaseWrapper, waits: Callable[[], None]
) -> Iterator[None]:
    """Hold a lock on the folder of the SQLite file while the context lasts.

    The lock is not on the file, because closing the file would end SQLite's own locks on it.
    """
    folder = os.open(Path(connection.settings_dict["NAME"]).parent, os.O_RDONLY)
    try:

        def take() -> bool:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        wait_for(take, waits)
        yield
    finally:
        os.close(folder)


def wait_for(take: Callable[[], bool], waits: Callable[[], None]) -> None:
    """Try `take` until it returns True, which means that this process has the lock.

    Call `waits` once if the first try fails.
    """
    if take():
        return
    waits()
    while not take():
        time.sleep(ASK_AGAIN_SECONDS)
