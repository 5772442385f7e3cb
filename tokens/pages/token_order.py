"""The orders in which the list of tokens can be sorted."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from django.db.models import F
from django.db.models.expressions import OrderBy

from tokens.models import Status

NEWEST = ("-created_at", "-pk")


class SortableToken(NamedTuple):
    """The columns of a token that decide where the token stands in the list.

    The names of the fields are the names of the columns. `renewed_from_id` is the primary key of
    the token that this token replaced, or None.
    """

    pk: int
    renewed_from_id: int | None
    current_status: str
    name: str


class Sort(NamedTuple):
    """An order that the person can choose, and the columns by which the database sorts."""

    label: str
    columns: tuple[str | OrderBy, ...]


# The key is the name in the URL. The order by name does not name its column, because each database
# compares letters in its own way. `in_order` sorts the names instead.
SORTS = {
    "newest": Sort("Newest", NEWEST),
    "expires": Sort("Expires first", ("expires_at", *NEWEST)),
    "used": Sort("Last used", (F("last_used_at").desc(nulls_last=True), *NEWEST)),
    "name": Sort("Name", NEWEST),
}


def in_order(tokens: Iterable[SortableToken], sort: str) -> list[int]:
    """Return the primary keys of the tokens in the order named `sort`, a key of SORTS.

    `tokens` must be sorted by the columns of that order. This function adds what the database does
    not do: it sorts names, puts expired tokens last, and puts a retiring token under its
    successor. A successor is the token that replaced another token. The replaced token is retiring
    while it still works.

    In the order “Expires first”, the tokens that expired most recently are the first of the
    expired ones.
    """
    tokens = list(tokens)
    if sort == "name":
        tokens.sort(key=lambda token: token.name.casefold())
    expired = [token.pk for token in tokens if token.current_status == Status.EXPIRED]
    if sort == "expires":
        expired.reverse()
    working = [token for token in tokens if token.current_status != Status.EXPIRED]
    retiring = {token.pk: token for token in working if token.current_status == Status.RETIRING}
    under_successor = {token.renewed_from_id for token in working} & retiring.keys()

    # NOTE: A loop, not a recursion: an owner may renew the newest token a thousand times during
    # the overlap of the first, and all the old tokens are retiring.
    def with_predecessors(token: SortableToken) -> Iterator[int]:
        old: SortableToken | None = token
        while old:
            yield old.pk
            old = retiring.get(old.renewed_from_id or 0)

    first = [token for token in working if token.pk not in under_successor]
    return [pk for token in first for pk in with_predecessors(token)] + expired
