"""Move tokens to another owner, with their values unchanged."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Q

from tokens import signals
from tokens.models.actor import Actor
from tokens.models.change_words import change_in_words
from tokens.models.event import Event
from tokens.models.exceptions import (
    MadeWithWorkingToken,
    NothingToHandOver,
    OwnerAway,
    TokenLimitReached,
)
from tokens.models.offer import TooManyOffers, TransferOffer
from tokens.models.owner import owner_columns
from tokens.models.queryset import TokenQuerySet
from tokens.models.scope import Scope
from tokens.models.team import Team
from tokens.models.token import Token
from tokens.token_settings import token_settings

# Why a token can't be handed over or offered.
TRANSFER_ERRORS = (
    MadeWithWorkingToken, NothingToHandOver, OwnerAway, TokenLimitReached, TooManyOffers,
)  # fmt: skip


def hand_over(
    chosen: Collection[Token], receiver: AbstractBaseUser, actor: Actor | None = None
) -> list[Token]:
    """Move those of the `chosen` tokens that still work to `receiver`. Write the events.

    The chosen tokens must have one owner, the giver. `receiver` is the account of a person or of a
    team. Return the moved tokens: with each token also its predecessor and its successor that
    still work, and the working tokens that programs made with the token. So tokens that share a
    rate limit keep the same owner.

    Raise NothingToHandOver, MadeWithWorkingToken, OwnerAway (the receiver is switched off) or
    TokenLimitReached (the receiver would have too many tokens). Then no token is moved.
    """
    # NOTE: A scope that the receiver does not hold stays on the token and does not count, because
    # each request checks scopes that are restricted to a group.
    giver_pk = next((token.owner_id for token in chosen), None)
    if giver_pk is None or giver_pk == receiver.pk:
        raise NothingToHandOver
    with Token.objects.locked_for(giver_pk, receiver.pk) as (giver, account):
        if not account.is_active:
            raise OwnerAway
        own = Token.objects.filter(owner_id=giver_pk)
        working = own.active().filter(pk__in=[token.pk for token in chosen])
        family = Family(own, list(working.order_by("pk")))
        ensure_room(account, family.members)
        names = {name for token in family.members for name in token.wanted_scopes}
        Scope.objects.are_restricted(names)  # locks the scopes, which comes before tokens
        list(own.filter(pk__in=family.keys).order_by("pk").select_for_update().values_list("pk"))
        columns = owner_columns(account)
        for token in family.members:
            Event.record(Event.Kind.HANDED_OVER, token, actor, f"to {in_words(account, columns)}")
            withdraw_requests(token, actor)
            move(token, columns, family)
            Event.record(Event.Kind.RECEIVED, token, actor, f"from {in_words(giver)}")
            signals.send_after_commit(
                signals.token_transferred, token=token, giver=giver, actor=actor
            )
        family.detach()
        TransferOffer.objects.filter(token__in=family.keys).delete()
    return family.members


class Family:
    """The tokens that move together with `roots`: `members`, all of one owner.

    Raise NothingToHandOver if there are no roots, and MadeWithWorkingToken if a token that stays
    behind made one of the roots and still works.
    """

    def __init__(self, own: TokenQuerySet, roots: list[Token]) -> None:
        if not roots:
            raise NothingToHandOver
        self.own = own
        # By the primary key of each token: the chosen token with which it moves.
        self.root_of: dict[int, int] = {}
        found: dict[int, Token] = {}
        for root in roots:
            line = renewals_of(own, root)
            made = own.active().made_with(line)
            for token in (*line, *made):
                found.setdefault(token.pk, token)
                self.root_of.setdefault(token.pk, root.pk)
        self.members = [found[key] for key in sorted(found)]
        makers = own.active().filter(pk__in=makers_of(own, self.members))
        if maker := makers.exclude(pk__in=found).first():
            raise MadeWithWorkingToken(maker)

    @property
    def keys(self) -> list[int]:
        """Return the primary keys of the members, in ascending order."""
        return [token.pk for token in self.members]

    def maker_key(self, token: Token) -> int | None:
        """Return the new value of `made_by_id`: a member, or None.

        If the maker has ended, it stays with the giver. Then the chosen token with which `token`
        moves takes its place, so that people still see which tokens to revoke together.
        """
        if token.made_by_id is None or token.made_by_id in self.root_of:
            return token.made_by_id
        root = self.root_of[token.pk]
        return None if root == token.pk else root

    def detach(self) -> None:
        """Remove the links from tokens that stay behind, which have all ended, to the members."""
        rest = self.own.exclude(pk__in=self.keys)
        rest.filter(renewed_from__in=self.keys).update(renewed_from=None)
        rest.filter(made_by__in=self.keys).update(made_by=None)


def renewals_of(own: TokenQuerySet, token: Token) -> list[Token]:
    """Return `token` with those predecessors and successors that still work."""
    line = {token.pk: token}
    while True:
        before = [each.renewed_from_id for each in line.values() if each.renewed_from_id]
        linked = Q(pk__in=before) | Q(renewed_from__in=list(line))
        new = list(own.active().filter(linked).exclude(pk__in=list(line)))
        if not new:
            return list(line.values())
        line.update({each.pk: each for each in new})


def makers_of(own: TokenQuerySet, tokens: Iterable[Token]) -> set[int]:
    """Return the primary keys of the tokens with which `tokens` were made, directly or not.

    The successors of such a token are makers too.
    """
    found: set[int] = set()
    new = {token.made_by_id for token in tokens if token.made_by_id}
    while new:
        found |= new
        linked = own.filter(Q(pk__in=new) | Q(renewed_from__in=new))
        rows = linked.values_list("pk", "made_by_id")
        new = {key for row in rows for key in row if key is not None} - found
    return found


def ensure_room(receiver: AbstractBaseUser, new: Collection[Token]) -> None:
    """Raise TokenLimitReached if `receiver` may not have `new` beside the tokens it has.

    Renewed tokens do not count, because their successors count.
    """
    kept = Token.objects.owned_by(receiver).active().filter(renewed_at=None).count()
    added = sum(token.renewed_at is None for token in new)
    if added and kept + added > token_settings.MAX_TOKENS_PER_USER:
        raise TokenLimitReached(token_settings.MAX_TOKENS_PER_USER)


def move(token: Token, columns: dict[str, Any], family: Family) -> None:
    """Store the new owner of `token`. `columns` are those of `owner_columns`."""
    for name, value in columns.items():
        setattr(token, name, value)
    token.outlives_owner = False
    token.form_nonce = None  # it is unique among the tokens of one owner
    token.made_by_id = family.maker_key(token)
    if token.renewed_from_id not in family.root_of:
        token.renewed_from_id = None
    token.has_restricted_scopes = Scope.objects.are_restricted(token.scopes)
    fields = ["owner", "team", "outlives_owner", "form_nonce", "made_by", "renewed_from"]
    token.save(update_fields=[*fields, "has_restricted_scopes", "pending_scope"])


def withdraw_requests(token: Token, actor: Actor | None) -> None:
    """Let no scope of `token` wait for approval any more. Write an event of the giver.

    Who asked gives the token away, and other policies may hold for the receiver, who can ask anew.
    """
    if token.pending_scope:
        token.scope_requests.close()
        change = change_in_words({"pending_scope": token.pending_scope}, {"pending_scope": ""})
        token.pending_scope = ""
        Event.record(Event.Kind.CHANGED, token, actor, change)


def in_words(account: AbstractBaseUser, columns: dict[str, Any] | None = None) -> str:
    """Return who owns the tokens of `account`: "team:billing-ci", or "another person".

    A person's address is left out: the events of others stay when an account is deleted.
    """
    team = (columns or owner_columns(account))["team_id"]
    return f"team:{team}" if team else "another person"


def may_hand_out(person: AbstractBaseUser, token: Token) -> bool:
    """Return True if `person` owns `token`, or manages the team that owns `token`."""
    if token.owner_id == person.pk:
        return True
    return Team.objects.filter(pk=token.team_id).managed_by(person).exists()


def make_offer(
    token: Token, email: str, asked_by: AbstractBaseUser, actor: Actor | None = None
) -> TransferOffer:
    """Offer `token` to the person with this e-mail address. Return the offer.

    Raise NothingToHandOver if the token no longer works, MadeWithWorkingToken or TooManyOffers.
    """
    with Token.objects.locked(token):
        own = Token.objects.filter(owner_id=token.owner_id)
        Family(own, list(own.active().filter(pk=token.pk)))
        offer = TransferOffer.objects.offer(token, asked_by, email)
        signals.send_after_commit(signals.token_offered, token=token, offer=offer, actor=actor)
    return offer


def withdraw_offer(token: Token) -> None:
    """Delete the offer of `token`, if there is one. Afterwards nobody can accept it any more.

    Raise Token.DoesNotExist if the token has another owner now.
    """
    with Token.objects.locked(token):
        TransferOffer.objects.filter(token=token).delete()


def accept_offer(
    offer: TransferOffer, person: AbstractBaseUser, actor: Actor | None = None
) -> list[Token]:
    """Move the offered token to `person`, as `hand_over` does. Return the moved tokens.

    Raise NothingToHandOver if the offer no longer holds, and the errors of `hand_over`.
    """
    token = offer.token
    with Token.objects.locked_for(token.owner_id, person.pk):
        offers = TransferOffer.objects.open().received_by(person)
        if not offers.filter(token=token, token__owner=token.owner_id).exists():
            raise NothingToHandOver
        return hand_over([token], person, actor)
