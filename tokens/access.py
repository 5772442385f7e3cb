"""What a token may do, in words: for the form before it exists, and for its page after."""

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import NamedTuple

from tokens.models import Scope, Token

FIRST = {"read", "write"}  # of the actions of a resource; the others follow by name


class Choice(NamedTuple):
    """A scope on the form, and whether it is chosen."""

    scope: Scope
    chosen: bool


class Resource(NamedTuple):
    """The scopes of one resource."""

    name: str
    choices: list[Choice]

    @property
    def chosen(self) -> int:
        return sum(choice.chosen for choice in self.choices)


class Grant(NamedTuple):
    """A scope of a token, what it is for, and why it does not count now, or ""."""

    name: str
    words: str
    lapsed: str


def by_resource(scopes: Iterable[Scope], chosen: Collection[str]) -> list[Resource]:
    """The scopes as the form shows them; databases sort ":" in ways of their own, so the order is made here."""
    ordered = sorted(scopes, key=lambda scope: (scope.resource, scope.action not in FIRST, scope.action))
    return [
        Resource(name, [Choice(scope, scope.name in chosen) for scope in group])
        for name, group in groupby(ordered, key=lambda scope: scope.resource)
    ]


def grants(token: Token) -> list[Grant]:
    """Each scope of the token as it stands in the catalogue now, in two queries."""
    known = {scope.name: scope for scope in Scope.objects.filter(name__in=token.scopes).select_related("group")}
    held = set(Scope.objects.held_by(token.owner).filter(name__in=token.scopes).values_list("name", flat=True))
    return [grant(name, known.get(name), name in held) for name in token.scopes]


def grant(name: str, scope: Scope | None, held: bool) -> Grant:
    if scope is None:
        return Grant(name, "", "no longer in use: refused")
    return Grant(name, scope.words, "" if held else f"not while you are outside {scope.group}")
