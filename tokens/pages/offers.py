"""What pages show about tokens that are handed over or offered."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from django.contrib.auth.base_user import AbstractBaseUser

from tokens.core.accounts import email_of
from tokens.models import MadeWithWorkingToken, NothingToHandOver, Scope, Token, TransferOffer
from tokens.models.transfer import Family
from tokens.pages.scope_choices import Grant, grant


@dataclass(frozen=True)
class OfferFacts:
    """An offer, as its receiver `person` sees it."""

    offer: TransferOffer
    person: AbstractBaseUser

    @property
    def token(self) -> Token:
        """Return the offered token."""
        return self.offer.token

    @property
    def giver(self) -> str:
        """Return who offers the token: an address, and the team that owns the token."""
        asked_by = email_of(self.offer.asked_by) or self.offer.asked_by.get_username()
        team = self.offer.token.team
        return f"{asked_by}, for the team {team.name}" if team else asked_by

    @cached_property
    def moves_too(self) -> list[Token]:
        """Return the other tokens that move with the token."""
        own = Token.objects.filter(owner_id=self.token.owner_id)
        try:
            family = Family(own, [self.token]).members
        except (MadeWithWorkingToken, NothingToHandOver):  # accepting says why
            return []
        return [each for each in family if each.pk != self.token.pk]

    @cached_property
    def grants(self) -> list[Grant]:
        """Return the scopes of the token, and those of them that would not count."""
        names = self.token.scopes
        known = {scope.name: scope for scope in scopes_named(names)}
        rows = Scope.objects.held_by(self.person).filter(name__in=names)
        held = set(rows.values_list("name", flat=True))
        return [grant(name, known.get(name), name in held, "you are") for name in names]


def scopes_named(names: Collection[str]) -> list[Scope]:
    """Return the scopes of the catalogue with these names, with their groups."""
    return list(Scope.objects.filter(name__in=names).select_related("group"))


def dormant_scopes(tokens: Collection[Token]) -> list[Scope]:
    """Return the scopes of `tokens` that count only for members of a group."""
    names = {name for token in tokens for name in token.scopes}
    return [scope for scope in scopes_named(names) if scope.group_id]
