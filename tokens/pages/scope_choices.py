"""How pages show scopes, the permissions of a token.

A scope has a name such as "reports:read": a resource and an action. The catalogue is the list of
scopes in the database.
"""

from collections.abc import Callable, Collection, Iterable
from itertools import groupby
from typing import NamedTuple

from tokens.models import Scope, Token

# The form shows these actions of a resource first. The other actions follow, sorted by name.
FIRST_ACTIONS = {"read", "write"}


class Choice(NamedTuple):
    """A scope in a form, with a checkbox. `chosen` is True if the box is ticked.

    `note` says which policy does not allow the scope, or is "".
    """

    scope: Scope
    chosen: bool
    note: str = ""


class Resource(NamedTuple):
    """A resource in a form, such as “reports”, with a checkbox for each of its scopes."""

    name: str
    choices: list[Choice]

    @property
    def chosen(self) -> int:
        """Return how many scopes of this resource are chosen."""
        return sum(choice.chosen for choice in self.choices)


class Grant(NamedTuple):
    """A scope that a token has. `words` describes the scope.

    `lapsed` says why requests that need the scope are refused now. It is "" if the scope works.
    """

    name: str
    words: str
    lapsed: str


def by_resource(
    scopes: Iterable[Scope],
    chosen: Collection[str],
    note: Callable[[str], str] = lambda _: "",
) -> list[Resource]:
    """Return `scopes` grouped by resource, for a form. The scopes named in `chosen` are chosen.

    `note` returns the note about a scope, from the scope's name.

    This function sorts the scopes, because databases do not agree on the place of ":" in the
    order.
    """
    ordered = sorted(
        scopes, key=lambda scope: (scope.resource, scope.action not in FIRST_ACTIONS, scope.action)
    )
    return [
        Resource(name, [Choice(scope, scope.name in chosen, note(scope.name)) for scope in group])
        for name, group in groupby(ordered, key=lambda scope: scope.resource)
    ]


def grants(token: Token) -> list[Grant]:
    """Return the scopes of `token` with their descriptions in the catalogue, in two queries."""
    own = Scope.objects.filter(name__in=token.scopes).select_related("group")
    known = {scope.name: scope for scope in own}
    held_scopes = Scope.objects.held_by(token.owner).filter(name__in=token.scopes)
    held = set(held_scopes.values_list("name", flat=True))
    owner_is = "the team is" if token.team_id else "you are"
    return [grant(name, known.get(name), name in held, owner_is) for name in token.scopes]


def grant(name: str, scope: Scope | None, held: bool, owner_is: str) -> Grant:
    """Return the scope `name` of a token, with its description.

    `scope` is None if the catalogue has no such scope any more. `held` is True if the owner of the
    token may use the scope now. Only members of a group may use some scopes. `owner_is` is “you
    are”, or “the team is”.
    """
    if scope is None:
        return Grant(name, "", "no longer in use: refused")
    return Grant(name, scope.words, "" if held else f"not while {owner_is} outside {scope.group}")
