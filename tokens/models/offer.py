"""Offers of tokens to people. The receiver accepts or declines."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from tokens.models.membership import Membership

if TYPE_CHECKING:
    from tokens.models.token import Token

OFFER_LIFETIME = timedelta(days=14)
MAX_OPEN_OFFERS = 20  # of one owner, because each offer sends a mail


class TransferOfferQuerySet(models.QuerySet["TransferOffer"]):
    """Queries for offers."""

    def open(self) -> TransferOfferQuerySet:
        """Return the offers that still hold.

        The token works, the offer is younger than 14 days, and the person who made the offer may
        still hand the token over.
        """
        now = timezone.now()
        manages = Membership.objects.filter(
            team=OuterRef("token__team"),
            user=OuterRef("asked_by"),
            role=Membership.Role.MANAGER,
        )
        return self.filter(
            Q(token__owner=F("asked_by")) | Exists(manages),
            made_at__gt=now - OFFER_LIFETIME,
            token__revoked_at=None,
            token__expires_at__gt=now,
            asked_by__is_active=True,
        )

    def received_by(self, person: AbstractBaseUser) -> TransferOfferQuerySet:
        """Return the offers to `person`."""
        return self.filter(receiver_id=person.pk)

    def offer(self, token: Token, asked_by: AbstractBaseUser, email: str) -> TransferOffer:
        """Offer `token` to the person with this e-mail address, in place of an earlier offer.

        Raise TooManyOffers. The caller must hold the lock of the token's owner.
        """
        others = self.open().filter(token__owner_id=token.owner_id).exclude(token_id=token.pk)
        if others.count() >= MAX_OPEN_OFFERS:
            raise TooManyOffers
        self.filter(token_id=token.pk).delete()
        receiver = person_with(email)
        return self.create(token=token, asked_by_id=asked_by.pk, email=email, receiver=receiver)


class TooManyOffers(Exception):
    """The owner has MAX_OPEN_OFFERS open offers already."""


def person_with(email: str) -> Any:
    """Return the one active account of a person with this e-mail address, or None."""
    users = get_user_model()
    same = {f"{users.get_email_field_name()}__iexact": email}
    found = list(users.objects.filter(**same, is_active=True, token_team=None)[:2])
    return found[0] if len(found) == 1 else None


class TransferOffer(models.Model):
    """An offer of a token to a person. `email` is what the giver typed.

    `receiver` is NULL if no account had the address when the offer was made. The giver sees no
    difference, so the page does not tell who has an account.
    """

    token = models.OneToOneField(
        "tokens.Token", on_delete=models.CASCADE, primary_key=True, related_name="offer"
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    email = models.EmailField()
    receiver = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="token_offers"
    )
    made_at = models.DateTimeField(default=timezone.now)

    objects = TransferOfferQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.token_id} to {self.email}"

    @property
    def ends_at(self) -> Any:
        """Return when the offer ends, if nobody accepts it before."""
        return self.made_at + OFFER_LIFETIME
