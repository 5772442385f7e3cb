"""Connection pools for Redis or Valkey: for one server, or for the master that Sentinels name.

Sentinels are servers that watch several Redis servers and know which of them is the master.
"""

import re
from copy import copy
from typing import Any, Self

from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool

SENTINEL_WAIT_SECONDS = 0.2  # for each Sentinel; several may hang
SENTINEL_PORT = "26379"
MAX_PORT = 65_535
SENTINEL_URL = re.compile(
    r"(?P<scheme>rediss?)\+sentinel://(?P<user>[^/?]*@)?(?P<sentinels>[^/?@]+)"
    r"/(?P<service>[0-9A-Za-z._-]+)(?P<number>/[0-9]*)?(?P<query>\?.*)?"
)
SENTINEL = re.compile(r"([^:\[\],]+)(?::([0-9]{1,5}))?")


class Sentinels(Sentinel):
    """The Sentinels, servers that know the master of a Redis service. Safe for threads."""

    # NOTE: redis-py moves a Sentinel that answered to the front of the list, in place. If two
    # threads do so at once, a Sentinel can get lost. So each call works on a copy of the list.
    def discover_master(self, service_name: str) -> tuple[str, int]:
        """Return the host and port of the master.

        The next call first asks the Sentinel that has answered this call.
        """
        own_copy = copy(self)
        own_copy.sentinels = [*self.sentinels]
        try:
            host, port = Sentinel.discover_master(own_copy, service_name)  # type: ignore[no-untyped-call]
        except MasterNotFoundError:
            # redis-py's own message fills a screen for each Sentinel.
            raise MasterNotFoundError(
                f"no Sentinel names a master of {service_name!r} that is up"
            ) from None
        self.sentinels = own_copy.sentinels
        return host, port


class SentinelPool(SentinelConnectionPool):
    """A pool of connections to the Redis server that is the master now."""

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """Return a pool for `redis+sentinel://user:password@host:port,host:port/service/number`.

        The user and password are for Redis. `sentinel_username` and `sentinel_password` in the
        query are for the Sentinels, the servers that know the master. Raise ValueError for a URL
        of another form.
        """
        match = SENTINEL_URL.fullmatch(url)
        addresses = sentinel_addresses(match["sentinels"]) if match else []
        if not match or not addresses:
            raise ValueError("no URL of a Redis with Sentinels")
        # redis-py parses the rest of the URL. The pool gets the host from the Sentinels.
        parts = [match["user"], "master", match["number"], match["query"]]
        plain_url = f"{match['scheme']}://{''.join(part or '' for part in parts)}"
        server = {**parse_url(plain_url), **options}  # type: ignore[no-untyped-call]
        del server["host"]
        sentinel = {
            "username": server.pop("sentinel_username", None),
            "password": server.pop("sentinel_password", None),
            "socket_timeout": SENTINEL_WAIT_SECONDS,
            "socket_connect_timeout": SENTINEL_WAIT_SECONDS,
            "retry": Retry(NoBackoff(), 0),
        }
        if server.pop("connection_class", None):  # rediss
            server["ssl"] = True
            sentinel |= {name: value for name, value in server.items() if name.startswith("ssl")}
        manager = Sentinels(addresses, sentinel_kwargs=sentinel)  # type: ignore[no-untyped-call]
        return cls(match["service"], manager, **server)

    def connect(self, connection: Any) -> None:
        """Connect a connection of this pool to the current master, if needed.

        Without this call, redis-py would connect to the former master, or at first to localhost,
        when a command is sent.
        """
        # The pool disowns its connections when another thread finds a new master.
        if not self.owns_connection(connection):  # type: ignore[no-untyped-call]
            connection.disconnect()
        connection.connect()


def sentinel_addresses(text: str) -> list[tuple[str, int]]:
    """Return the host and port of each Sentinel in `text`; no entries if one is wrong."""
    matches = [SENTINEL.fullmatch(entry) for entry in text.split(",")]
    addresses = [(match[1], int(match[2] or SENTINEL_PORT)) for match in matches if match]
    is_right = len(addresses) == len(matches) and all(port <= MAX_PORT for _, port in addresses)
    return addresses if is_right else []


def pool_class(url: str) -> type[ConnectionPool]:
    """Return the class whose `from_url` makes a pool for `url`, a checked REDIS_URL."""
    return SentinelPool if "+sentinel:" in url.partition("//")[0] else ConnectionPool
