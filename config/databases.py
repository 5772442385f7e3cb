"""Django's database settings, from DATABASE_URL, or COMMANDS_DATABASE_URL for a command."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from config.environment import secret_values
from config.environment.service_urls import database_url
from config.environment.variables import setting

SQLITE = "sqlite:///var/tokenry.sqlite3"
# Commands such as `migrate` have no time-outs, even if the database role has some for requests.
UNBOUNDED = "-c statement_timeout=0 -c lock_timeout=0"


def database_settings(base: Path) -> dict[str, Any]:
    """Return Django's database settings for this process.

    If the database is an SQLite file, its path is relative to `base`.
    """
    database = setting(url_variable(), SQLITE, database_url, secret=True)
    # Connections persist, because opening one for each request costs more than the request.
    database["CONN_MAX_AGE"] = None
    # For pages only. Requests with a token notice a broken connection in another way.
    database["CONN_HEALTH_CHECKS"] = True
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["NAME"] = base / database["NAME"]
        database["NAME"].parent.mkdir(parents=True, exist_ok=True)
        database["OPTIONS"] = {
            # IMMEDIATE takes the write lock when a transaction begins, so that a second writer
            # waits instead of failing.
            "transaction_mode": "IMMEDIATE",
            "timeout": 5,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
        return database
    database["ENGINE"] = "config.postgresql"
    # A standby may lack the latest revocations, so never connect to a standby.
    options = {"connect_timeout": 2, "target_session_attrs": "read-write"} | database.get(
        "OPTIONS", {}
    )
    if is_command(sys.argv) and not database.get("PGBOUNCER"):
        options["options"] = f"{UNBOUNDED} {options.get('options', '')}".strip()
    database["OPTIONS"] = options
    return database


def url_variable() -> str:
    """Return the name of the variable with the database's URL. Commands may have their own."""
    name = "COMMANDS_DATABASE_URL"
    return name if is_command(sys.argv) and secret_values.given_secret(name) else "DATABASE_URL"


def is_command(arguments: Sequence[str]) -> bool:
    """Return True for a command of `manage.py` that is not a server, such as `migrate`."""
    return Path(arguments[0]).name == "manage.py" and arguments[1:2] not in (
        ["serve"],
        ["runserver"],
    )
