"""Django's backend for PostgreSQL, changed for fail-overs and for servers that are full."""

import random
import re
import time
from typing import Any

from django.db.backends.postgresql import base

from config.postgresql.server import FREE, SHARED

FULL_SECONDS = 0.5  # how long to wait for a free connection if the server has none
# PostgreSQL's message that it has no free connection. There is no error code before a connection
# is made. A message in another language does not match, so Tokenry does not wait.
FULL = re.compile("too many (clients|connections)|connection slots are reserved")


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to PostgreSQL that notices fail-overs, and waits if the server is full."""

    def connect(self) -> None:
        """Connect to the server. If it is nearly full, the connection lasts for one request only.

        NOTE: Connections usually stay open between requests, so a few processes could keep all
        connections of the server. To leave some for others, each of the last SHARED connections is
        closed when its request ends. A connection to PgBouncer may stay open, because it does not
        occupy a connection of PostgreSQL.
        """
        super().connect()
        connection: Any = self.connection
        if (
            not self.settings_dict.get("PGBOUNCER")
            and connection.execute(FREE).fetchone()[0] < SHARED
        ):
            self.close_at = 0.0  # Django closes the connection when the request ends

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a new connection. If the server is full, wait for one, up to FULL_SECONDS."""
        until = time.monotonic() + FULL_SECONDS
        while True:
            try:
                return super().get_new_connection(conn_params)
            except self.Database.OperationalError as error:
                if not FULL.search(str(error)) or time.monotonic() > until:
                    raise
            time.sleep(random.uniform(0.005, 0.025))  # noqa: S311

    def is_usable(self) -> bool:
        """Return True if the server answers and accepts writes. Otherwise Django reconnects.

        Django calls this before the first query of a page, and after a request in which a query
        failed. After a fail-over the old server may be read-only. Without this check a thread
        would go on reading from the old server.
        """
        connection: Any = self.connection
        if connection is None:
            return False
        try:
            row = connection.execute("SHOW transaction_read_only").fetchone()
        except self.Database.Error:
            return False
        return bool(row == ("off",))
