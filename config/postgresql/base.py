"""Django's PostgreSQL backend, with one addition: a connection whose server takes no writes is let go."""

from typing import Any

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def is_usable(self) -> bool:
        """Return True if the server answers and takes writes.

        Django asks before the first query of a page, and at the end of a request in which a query failed; if the
        answer is no, Django makes a new connection. So a thread leaves a server that became read-only, as in a
        fail-over, instead of reading from that server until the process ends.
        """
        connection: Any = self.connection
        if connection is None:
            return False
        try:
            row = connection.execute("SHOW transaction_read_only").fetchone()
        except self.Database.Error:
            return False
        return bool(row == ("off",))
