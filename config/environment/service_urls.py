"""Parsers of DATABASE_URL and REDIS_URL. They find mistakes before anything connects."""

import re
from typing import Any
from urllib.parse import unquote

from environ import Env
from redis import RedisError

from config.environment.variables import IN_PARTS, split_url
from tokens.core.redis_servers import pool_class
from tokens.core.setting_values import InvalidValue

DATABASE_FORM = (
    f"sqlite:///path/of/the/file or postgres://user:password@host:port/name; {IN_PARTS}"
)
REDIS_FORM = (
    "redis://user:password@host:port/number, rediss://, valkey://, unix:///path/of/the/socket or "
    f"redis+sentinel://user:password@host:port,host:port/service/number; {IN_PARTS}"
)
ONE_REDIS = (
    "one server, or Sentinels that name one (redis+sentinel://host:port,host:port/service/number)"
    "; a Redis Cluster is not supported, and docs/scaling.md says why."
)
PGBOUNCER_FORM = (
    "pgbouncer=transaction, pgbouncer=transaction,prepared (PgBouncer 1.21 or newer, with "
    "max_prepared_statements) or pgbouncer=session in its query."
)
REDIS_SCHEMES = {
    "valkey": "redis",
    "valkeys": "rediss",
    "redis+unix": "unix",
    "valkey+sentinel": "redis+sentinel",
    "valkeys+sentinel": "rediss+sentinel",
}


def redis_url(text: str) -> str:
    """Return the checked URL of a Redis or Valkey server, or of Sentinels that find the server.

    The names of Valkey's schemes are replaced by those of Redis. "" stays "". Raise InvalidValue
    if the URL is wrong.
    """
    if not text:
        return text
    url = split_url(text, REDIS_FORM)
    scheme = REDIS_SCHEMES.get(url.scheme, url.scheme)
    has_sentinels = scheme.endswith("+sentinel")
    if scheme.endswith("+cluster") or ("," in url.netloc.rpartition("@")[2] and not has_sentinels):
        raise InvalidValue(ONE_REDIS)
    if not has_sentinels and not re.fullmatch("/.+" if scheme == "unix" else "/?[0-9]*", url.path):
        raise InvalidValue(REDIS_FORM)
    address = scheme + text[len(url.scheme) :]
    try:
        pool_class(address).from_url(address).make_connection()  # this does not connect yet
    except (ValueError, TypeError, RedisError):
        raise InvalidValue(REDIS_FORM) from None
    return address


def database_url(text: str) -> dict[str, Any]:
    """Return Django's database settings for the URL of an SQLite file or a PostgreSQL database.

    The host may also be the folder of PostgreSQL's socket, percent-encoded. Raise InvalidValue if
    the URL is wrong.
    """
    url = split_url(text, DATABASE_FORM)
    known = url.scheme in {"postgres", "postgresql"} or (url.scheme == "sqlite" and not url.netloc)
    if not known or not url.path.strip("/"):
        raise InvalidValue(DATABASE_FORM)
    found = dict(Env.db_url_config(text))
    host = unquote(url.netloc.rpartition("@")[2].partition(":")[0])
    if host.startswith("/"):
        found["HOST"] = host
    return found | pooling(found.get("OPTIONS", {}))


def pooling(options: dict[str, Any]) -> dict[str, Any]:
    """Remove the option `pgbouncer` from `options`, and return the settings that it needs.

    PgBouncer is a program that shares the connections of PostgreSQL between clients. In its mode
    `transaction`, a client's next transaction may run on another connection. So no cursor and no
    prepared statement may outlive a transaction. PGBOUNCER and DISABLE_PREPARED_STATEMENTS are
    Tokenry's own settings, not Django's.
    """
    mode = options.pop("pgbouncer", "")
    # A tuple, not a set: environ reads `[1]` as a list, which has no hash.
    if mode not in ("", "session", "transaction", "transaction,prepared"):
        raise InvalidValue(PGBOUNCER_FORM)
    if not mode:
        return {}
    return {
        "PGBOUNCER": mode.partition(",")[0],
        "DISABLE_SERVER_SIDE_CURSORS": mode != "session",
        "DISABLE_PREPARED_STATEMENTS": mode == "transaction",
    }
