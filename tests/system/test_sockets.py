"""A PostgreSQL and a Redis on the same machine, asked by the sockets that their packages make."""

from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from tests.server import Installation
from tests.services import PostgreSQL, Redis
from tests.system.test_server import call


def test_both_are_reached_by_their_sockets(tmp_path: Path) -> None:
    with closing(PostgreSQL()) as database, closing(Redis()) as counters:
        database.start()
        counters.start()
        url = (
            f"postgres://postgres@{quote(str(database.folder), safe='')}:{database.port}/postgres"
        )
        with closing(
            Installation(
                tmp_path, url, REDIS_URL=f"redis+unix://{counters.folder}/redis.sock?db=3"
            )
        ) as made:
            status, body = call(made.server().start(), made.issue("By sockets"))
            assert (status, body["name"]) == (200, "By sockets")
            assert counters.client.info("keyspace").keys() == {"db3"}
