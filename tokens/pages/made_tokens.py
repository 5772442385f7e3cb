"""The tokens that programs made with other tokens, for the pages that revoke those others too."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from django.contrib.auth.base_user import AbstractBaseUser

from tokens.models import Token

MAX_NAMED_TOKENS = 10  # The page shows the names of at most so many tokens.


class MadeTokens(NamedTuple):
    """The active tokens that programs made with certain other tokens, called their makers.

    The page that revokes the makers offers to revoke these tokens too. `shown` has the first of
    them, and `total` is the number of all.

    `proposed` is True if the page ticks the box for that in advance. It is False if all makers
    were renewed: then the person probably only finishes the renewal, and programs still need their
    tokens.
    """

    total: int
    shown: list[Token]
    proposed: bool

    @property
    def others(self) -> int:
        """Return how many of the tokens are not in `shown`."""
        return self.total - len(self.shown)

    @classmethod
    def made_by(cls, user: AbstractBaseUser, makers: Collection[Token]) -> MadeTokens:
        """Return the active tokens of `user` that were made with the tokens `makers`.

        This includes the tokens that were made with the tokens found, and so on.
        """
        found = Token.objects.owned_by(user).made_with(makers).active()
        first = list(found.order_by("pk")[: MAX_NAMED_TOKENS + 1])
        total = len(first) if len(first) <= MAX_NAMED_TOKENS else found.count()
        return cls(total, first[:MAX_NAMED_TOKENS], any(not maker.renewed_at for maker in makers))
