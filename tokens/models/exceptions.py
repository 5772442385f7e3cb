"""The reasons why a token cannot be made or changed."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from tokens.policies.rules import Breach

if TYPE_CHECKING:
    from tokens.models.scope_request import ScopeRequest
    from tokens.models.token import Token


class TokenLimitReached(Exception):
    """The owner already has `limit` active tokens, the maximum."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class LifetimeTooLong(Exception):
    """The new token would work longer than `days` days, the maximum."""

    def __init__(self, days: int) -> None:
        super().__init__(days)
        self.days = days


class OwnerAway(Exception):
    """The owner's account is switched off, so the owner gets no new token."""


class MadeWithWorkingToken(Exception):
    """The token was made with `maker`, which still works and was not chosen to be handed over.

    Both tokens share one rate limit, so they keep the same owner.
    """

    def __init__(self, maker: Token) -> None:
        super().__init__(maker.identifier)
        self.maker = maker


class NothingToHandOver(Exception):
    """None of the chosen tokens still works and belongs to the person or team that gives it."""


class PolicyBroken(Exception):
    """The token would break policies of the administrators. Its text names all of them."""

    def __init__(self, breaches: Collection[Breach]) -> None:
        super().__init__(" ".join(breach.message for breach in breaches))
        self.breaches = list(breaches)


class AlreadyDecided(Exception):
    """The request for a scope waits no more for this person: it was decided or closed."""

    def __init__(self, request: ScopeRequest) -> None:
        super().__init__(request.pk)
        self.request = request


class MissingPepper(Exception):
    """The pepper with the number `number` is not in TOKEN_PEPPERS, but a valid token needs it.

    A pepper is the secret key for a token's digest. Without it, nobody can check the token's
    value.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class TeamChangeRefused(Exception):
    """A change of a team is impossible. `code` names the reason, and the text is for people."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


class WouldWiden(Exception):
    """The change would give the token more scopes or addresses than the caller may give."""


class FormAlreadySent(Exception):
    """The same form was sent before, and made `token` at that time."""

    def __init__(self, token: Token) -> None:
        super().__init__(token.identifier)
        self.token = token


class ScopeNotAllowed(Exception):
    """The owner may not give the scopes `names` to a token.

    The scopes do not exist, or are restricted to groups to which the owner does not belong.
    """

    def __init__(self, names: Collection[str]) -> None:
        super().__init__(*names)
        self.names = sorted(names)


class TokenRevoked(Exception):
    """The token is revoked, so it cannot be changed or renewed."""


class AlreadyRenewed(Exception):
    """The token was renewed before: `successor` replaces it, and is not revoked.

    A token can have only one successor that is not revoked.
    """

    def __init__(self, successor: Token) -> None:
        super().__init__(successor.identifier)
        self.successor = successor
