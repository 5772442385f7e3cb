"""Nodes with row leases on a private PostgreSQL, which counts the reads of tokens, and Redis."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psycopg

from tests import databases
from tests.server import Installation, Server
from tests.services import PostgreSQL, Redis
from tests.system.console import Console
from tokens.authentication.lookup import compile_statement

SCOPE = "reports:read"
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "tests.system.settings",  # for /api/report
    "TOKEN_LEASES": "on",
    "TOKEN_RATE_LIMIT": "1000000/hour",
    "FAILED_AUTH_LIMIT": "1000000/hour",
    "WEB_THREADS": "2",
}
CALLS = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query = %s"


class Cluster:
    """One installation with any number of nodes."""

    def __init__(self, installation: Installation, database: PostgreSQL) -> None:
        self.installation, self.database = installation, database
        self.console = Console(installation)
        self.nodes: list[Server] = []
        self.console.evaluate("[Group.objects.create(name=name) for name in ('In', 'Out')] and 0")
        self.offer_scope()
        with databases.connected(database.url):
            self.statement = compile_statement("postgresql").sql.replace("%s", "$1")

    def start(self, application: str = "", **settings: str) -> Server:
        """Start another node. `application` replaces Tokenry."""
        node = self.installation.server()
        node.environment |= settings
        self.nodes.append(node.start(application=application))
        return node

    def offer_scope(self, group: str = "") -> None:
        """Put SCOPE into the catalogue, restricted to the group with this name if there is one."""
        of_group = f"Group.objects.get(name={group!r})" if group else "None"
        self.console.evaluate(
            f"Scope.objects.update_or_create(name={SCOPE!r}, defaults="
            f"{{'words': 'Read', 'group': {of_group}}}) and 0"
        )

    def issue(self, *scopes: str) -> str:
        """Return the value of a new token of the administrator, with SCOPE and these scopes."""
        return self.console.issue(scopes=(SCOPE, *scopes))

    def reads(self) -> int:
        """Return how often processes have read a token for a decision."""
        with psycopg.connect(self.database.url) as connection:
            row = connection.execute(CALLS, [self.statement]).fetchone()
        assert row is not None
        return int(row[0])


@contextmanager
def cluster(folder: Path, **settings: str) -> Iterator[Cluster]:
    """Run the services, and end them and all nodes."""
    with ExitStack() as running:
        counting = {"shared_preload_libraries": "pg_stat_statements", "max_connections": "300"}
        database = running.enter_context(closing(PostgreSQL(**counting))).start()
        with psycopg.connect(database.url) as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
        counters = running.enter_context(closing(Redis())).start()
        settings = SETTINGS | {"REDIS_URL": counters.url} | settings
        installation = Installation(folder, database.url, **settings)
        running.enter_context(closing(installation))
        yield Cluster(installation, database)
