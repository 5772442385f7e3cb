"""Find a token and its owner by the token's identifier, with at most one query.

The ORM makes the SQL once, but does not run it, because that would take many times as long. The
query reads all fields of the token and of its owner, so that views need no further query. Only the
owner's password hash is left out, so that it is not in memory.

A row that was read is used again for other requests: on PostgreSQL for 0.2 seconds (leases.py),
and on SQLite until the next write to the database (unchanged_rows.py).
"""

import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from functools import cache, partial
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import DEFAULT_DB_ALIAS, Error, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model, QuerySet
from django.db.models.base import ModelState
from django.views.decorators.debug import sensitive_variables

from tokens.authentication.credentials import Credential
from tokens.authentication.fetch import (
    DATABASE_WAIT_SECONDS,
    fetch_row,
    is_out_of_transaction,
    reader_of,
)
from tokens.authentication.leases import Lease, Leases
from tokens.authentication.unchanged_rows import MAX_UNCHANGED_ROWS, unchanged_rows
from tokens.core.circuit_breaker import CircuitBreaker, ServiceUnavailable
from tokens.models import MissingPepper, Token
from tokens.token_settings import token_settings

log = logging.getLogger(__name__)

PEPPER_LOG_SECONDS = 60.0  # between two log lines about the same missing pepper
OWNER_FIELD: Any = Token._meta.get_field("owner")
IMMUTABLE = {
    bool, int, float, str, bytes, type(None), Decimal, UUID,
    date, time_of_day, datetime, timedelta,
}  # fmt: skip

AnyModel = TypeVar("AnyModel", bound=Model)
# A function of Django that takes a value from the database, and returns the value of the field.
Convert = Callable[..., Any]

missing_pepper_logged_at: dict[int, float] = {}  # by the number of the pepper
breaker = CircuitBreaker(
    Error,
    outage=(OperationalError, InterfaceError),
    wait=DATABASE_WAIT_SECONDS,
    service="database",
)


class Statement(NamedTuple):
    """The SQL that reads a token and its owner, and what to do with the columns of the result."""

    sql: str
    token_fields: list[str]
    owner_model: type[Model]
    owner_fields: list[str]
    # For a column whose values Django converts: its position, the function, and the column.
    converters: Sequence[tuple[int, Convert, Any]]


class TokenRow(NamedTuple):
    """The values of a token's fields and of its owner's fields, by the name of the field."""

    token: dict[str, Any]
    owner_model: type[Model]
    owner: dict[str, Any]
    can_change: bool  # True if a value, such as a list, must be copied for each request


leases = Leases[TokenRow]()
# A forked process has no threads of its parent, so it must not wait for their queries.
os.register_at_fork(after_in_child=leases.clear)


@cache
def compile_statement(vendor: str) -> Statement:
    """Return the statement that reads a token and its owner, made by the ORM.

    `vendor` is the kind of the default database, such as "postgresql". It is the cache's key.
    """
    database = connections[DEFAULT_DB_ALIAS]
    user = get_user_model()
    token_fields = [field.attname for field in Token._meta.concrete_fields]
    owner_fields = [
        field.attname for field in user._meta.concrete_fields if field.attname != "password"
    ]
    columns = [*token_fields, *(f"owner__{name}" for name in owner_fields)]
    rows = Token.objects.filter(identifier="").order_by().values_list(*columns)
    compiler: Any = rows.query.get_compiler(connection=database)
    sql, _ = compiler.as_sql()
    by_position = compiler.get_converters([column for column, *_ in compiler.select])
    converters = [
        (position, faster_converter(convert, database), column)
        for position, (functions, column) in by_position.items()
        for convert in functions
    ]
    return Statement(sql, token_fields, user, owner_fields, converters)


def faster_converter(convert: Convert, database: BaseDatabaseWrapper) -> Convert:
    """Return a function that converts a column's values as `convert` does, but faster.

    There is one only for times from SQLite, for which Django's function looks up two settings
    each time. For other columns return `convert` itself.
    """
    is_for_times = convert == getattr(database.ops, "convert_datetimefield_value", None)
    if database.vendor == "sqlite" and is_for_times and database.timezone is UTC:
        return lambda value, *_: value.replace(tzinfo=UTC)
    return convert


def find_proven_token(presented: Credential) -> Token | None:
    """Return the token that a client has presented, with its owner.

    Return None if no token has this identifier, or if the secret is wrong. Raise
    ServiceUnavailable if the database does not answer, or if the token's pepper (key) is missing.
    """
    token = find_token(presented.identifier)
    return token if token and proven(token, presented.value) else None


@sensitive_variables()
def proven(token: Token, value: str) -> bool:
    """Return True if `value` is the value of `token`.

    Raise ServiceUnavailable if TOKEN_PEPPERS lacks the pepper (key) of the token's digest.
    """
    try:
        return token.is_proven_by(value)
    except MissingPepper as missing:
        # NOTE: Without the pepper the secret can't be checked. The token may be valid, so the
        # answer is 503 and not 401. The 503 reveals that a token with this identifier exists. That
        # is acceptable, because identifiers are public, and happens only if settings are wrong.
        log_missing_pepper(missing.number)
        raise ServiceUnavailable from None


def log_missing_pepper(pepper: int) -> None:
    """Log that the pepper (key) with this number is missing, at most once a minute."""
    now = time.monotonic()
    if now - missing_pepper_logged_at.get(pepper, -math.inf) >= PEPPER_LOG_SECONDS:
        missing_pepper_logged_at[pepper] = now
        log.error(
            "TOKEN_PEPPERS lacks number %d: "
            "tokens that work and need it get 503 until it is put back",
            pepper,
        )


def find_token(identifier: str) -> Token | None:
    """Return the token with this identifier, with its owner, or None if there is none.

    The secret is not checked. Raise ServiceUnavailable if the database does not answer.
    """
    lease = leases.find(identifier)
    if lease is None:
        database = connections[DEFAULT_DB_ALIAS]
        if token_settings.LEASES and database.vendor == "postgresql":
            lease = leases.read(identifier, partial(read_row, database))
        elif row := read_row(database, identifier)[0]:
            lease = Lease(row)
    if lease is None:
        return None
    row = deepcopy(lease.row) if lease.row.can_change else lease.row
    token = make_instance(Token, row.token)
    token.leased_until = lease.end
    OWNER_FIELD.set_cached_value(token, make_instance(row.owner_model, row.owner))
    return token


def read_row(database: BaseDatabaseWrapper, identifier: str) -> tuple[TokenRow | None, bool]:
    """Read the row of a token and its owner from the database.

    Return the row, or None if no token has this identifier. Also return True if the process may
    use the row again for a moment (leases.py). Raise ServiceUnavailable if the database does not
    answer.
    """
    with breaker:
        rows = unchanged_rows(database)
        if row := rows.get(identifier):
            return row, False
        query = compile_statement(database.vendor)
        found = fetch_row(database, query.sql, identifier)
    if found is None:
        return None, False
    values = list(found)
    for position, convert, column in query.converters:
        if values[position] is not None:
            values[position] = convert(values[position], column, database)
    split = len(query.token_fields)
    row = TokenRow(
        dict(zip(query.token_fields, values[:split], strict=True)),
        query.owner_model,
        dict(zip(query.owner_fields, values[split:], strict=True)),
        not IMMUTABLE.issuperset(map(type, values)),
    )
    if len(rows) < MAX_UNCHANGED_ROWS:
        rows[identifier] = row
    # In a transaction the row may be old, or it may be a change that is never committed.
    return row, is_out_of_transaction(database)


def make_instance(model: type[AnyModel], values: dict[str, Any]) -> AnyModel:
    """Return an instance of `model` with these values, like `model.from_db`, but faster.

    Unlike `from_db`, send no signals. Fields that `values` lacks are read from the database when
    they are used (deferred).
    """
    instance = model.__new__(model)
    vars(instance).update(values, _state=ModelState())
    instance._state.adding = False
    instance._state.db = DEFAULT_DB_ALIAS
    return instance


def read_rows(query: QuerySet[Any, Any]) -> list[tuple[Any, ...]]:
    """Return the rows of `query`, read from the default database even if a router names another.

    Raise ServiceUnavailable if the database does not answer.
    """
    with breaker:
        database = reader_of(connections[DEFAULT_DB_ALIAS])
        sql, parameters = query.query.get_compiler(connection=database).as_sql()
        with database.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())
