"""The one query of a request: an identifier becomes a Token with its owner.

It runs below the ORM, whose own way costs many times as much, with the SQL that the ORM itself compiles, once.
The owner carries only what a decision needs, so no password hash is in memory; other fields load when asked for.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

from django.contrib.auth import get_user_model
from django.db import DEFAULT_DB_ALIAS, Error, InterfaceError, OperationalError, connections
from django.db.models import Model
from django.db.models.base import ModelState

from tokens.breaker import Breaker
from tokens.models import Token
from tokens.prepared import WAIT_SECONDS, fetch_row

LEFT_OUT = {
    "identifier",
    "name",
    "description",
    "created_at",
    "form_nonce",
    "renewed_from_id",
    "made_by_id",
    "last_used_at",
    "last_used_address",
    "last_used_agent",
}  # known, or no part of a decision

AnyModel = TypeVar("AnyModel", bound=Model)

OWNER: Any = Token._meta.get_field("owner")
breaker = Breaker(Error, outage=(OperationalError, InterfaceError), wait=WAIT_SECONDS)


class Statement(NamedTuple):
    """The compiled query, which model and fields its columns are, and what makes Python values of some of them."""

    sql: str
    token_fields: list[str]
    owner_model: type[Model]
    owner_fields: list[str]
    converters: Sequence[tuple[int, Callable[..., Any], Any]]  # what each takes besides the value: column, connection


@cache
def statement(vendor: str) -> Statement:
    """The ORM's own SQL for the default database, which is a `vendor`."""
    database = connections[DEFAULT_DB_ALIAS]
    user = get_user_model()
    token_fields = [field.attname for field in Token._meta.concrete_fields if field.attname not in LEFT_OUT]
    owner_fields = [user._meta.pk.attname, user.USERNAME_FIELD, "is_active"]
    columns = [*token_fields, *(f"owner__{name}" for name in owner_fields[1:])]  # owner_id is there already
    compiler: Any = (
        Token.objects.filter(identifier="").order_by().values_list(*columns).query.get_compiler(connection=database)
    )
    sql, _ = compiler.as_sql()
    steps = compiler.get_converters([column for column, *_ in compiler.select])
    converters = [(position, step, column) for position, (found, column) in steps.items() for step in found]
    return Statement(sql, token_fields, user, owner_fields, converters)


def find(identifier: str) -> Token | None:
    """The token of that identifier, its owner loaded. Raises breaker.Down where the database does not answer."""
    database = connections[DEFAULT_DB_ALIAS]
    with breaker:
        query = statement(database.vendor)
        row = fetch_row(database, query.sql, identifier)
    if row is None:
        return None
    values = list(row)
    for position, to_python, column in query.converters:
        if values[position] is not None:
            values[position] = to_python(values[position], column, database)
    split = len(query.token_fields)
    token = loaded(Token, query.token_fields, values[:split])
    token.identifier = identifier
    OWNER.set_cached_value(token, loaded(query.owner_model, query.owner_fields, [token.owner_id, *values[split:]]))
    return token


def loaded(model: type[AnyModel], fields: list[str], values: list[Any]) -> AnyModel:
    """What `model.from_db` gives, with the other fields deferred, without the signals and loops on its way."""
    instance = model.__new__(model)
    vars(instance).update(zip(fields, values, strict=True), _state=ModelState())
    instance._state.adding = False
    instance._state.db = DEFAULT_DB_ALIAS
    return instance
