"""URLs with Sentinels, and the list of Sentinels."""

from typing import Any

import pytest
from redis import ConnectionPool, Redis, SSLConnection
from redis.sentinel import MasterNotFoundError

from tokens.core.redis_servers import SENTINEL_WAIT_SECONDS, SentinelPool, Sentinels, pool_class


def kwargs(client: Redis) -> dict[str, Any]:
    return client.connection_pool.connection_kwargs


def test_addresses_service_and_number() -> None:
    pool = SentinelPool.from_url("redis+sentinel://me:a%40b@one:1,two/main/3", socket_timeout=0.3)
    sentinels = [kwargs(client) for client in pool.sentinel_manager.sentinels]
    assert [(found["host"], found["port"]) for found in sentinels] == [("one", 1), ("two", 26379)]
    assert {found["socket_timeout"] for found in sentinels} == {SENTINEL_WAIT_SECONDS}
    assert {found["password"] for found in sentinels} == {None}
    assert pool.service_name == "main"
    server = pool.connection_kwargs
    assert (server["username"], server["password"], server["db"], server["socket_timeout"]) == (
        "me",
        "a@b",
        3,
        0.3,
    )


def test_the_query_has_what_sentinels_ask_for() -> None:
    pool = SentinelPool.from_url(
        "redis+sentinel://one/main?sentinel_password=word&sentinel_username=watcher"
    )
    (client,) = pool.sentinel_manager.sentinels
    assert (kwargs(client)["username"], kwargs(client)["password"]) == ("watcher", "word")
    assert "password" not in pool.connection_kwargs


def test_tls_is_for_both() -> None:
    pool = SentinelPool.from_url("rediss+sentinel://one/main?ssl_ca_certs=/ca.pem")
    (client,) = pool.sentinel_manager.sentinels
    assert isinstance(pool.make_connection(), SSLConnection)
    assert issubclass(client.connection_pool.connection_class, SSLConnection)
    assert kwargs(client)["ssl_ca_certs"] == pool.connection_kwargs["ssl_ca_certs"] == "/ca.pem"


@pytest.mark.parametrize("scheme", ["redis", "rediss", "unix"])
def test_one_server_needs_no_sentinels(scheme: str) -> None:
    assert pool_class(f"{scheme}://host") is ConnectionPool


class Asked:
    """A Sentinel that knows a master or does not."""

    def __init__(self, masters: dict[str, dict[str, Any]]) -> None:
        self.masters = masters

    def sentinel_masters(self) -> dict[str, dict[str, Any]]:
        return self.masters


def test_the_sentinel_that_answered_is_first_in_a_new_list() -> None:
    """redis-py reorders the list in place. Two threads could lose a Sentinel."""
    up = {"is_master": True, "is_sdown": False, "is_odown": False, "num-other-sentinels": 1}
    silent, good = Asked({}), Asked({"main": {**up, "ip": "192.0.2.1", "port": 6379}})
    sentinels: Any = Sentinels([])  # type: ignore[no-untyped-call]
    sentinels.sentinels = before = [silent, good]
    assert sentinels.discover_master("main") == ("192.0.2.1", 6379)
    assert (before, sentinels.sentinels) == ([silent, good], [good, silent])
    with pytest.raises(MasterNotFoundError):
        sentinels.discover_master("other")
