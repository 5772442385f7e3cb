"""What happens to the tokens of an account that is switched off, and tokens without an owner.

The setting LEAVER_TOKENS decides for programs that switch an account off: `end`, or for example
`grace:7d`. Administrators choose on a page.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.signals import post_save, pre_save
from django.dispatch import receiver
from django.utils import timezone

from tokens.models.actor import Actor
from tokens.models.event import Event
from tokens.models.queryset import TokenQuerySet
from tokens.models.team import Team
from tokens.models.token import Token
from tokens.token_settings import token_settings

LEFT_REASON = "owner left"  # of the events of tokens that are revoked because of this
# The names of attributes that the receivers below read from an account.
DECIDED, SWITCHED_OFF = "_tokens_decided", "_was_switched_off"


class Leaver(models.Model):
    """An account that is switched off, and whose tokens work until a day.

    Nobody can sign in with the account. Its tokens can't be renewed, and make no tokens.
    """

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="token_leaver",
    )
    until = models.DateTimeField()
    made_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.owner_id} until {self.until:%Y-%m-%d}"


def switch_off(owner: Any, until: datetime | None = None, actor: Actor | None = None) -> None:
    """Switch the account `owner` off. Its tokens work until `until`, or end now if it is None.

    Tokens that end now are revoked. Those that were handed over before are not concerned.
    """
    with Token.objects.locked_for(owner.pk):
        end_or_keep(owner, until, actor)
        if until is None:
            for token in Token.objects.owned_by(owner).active().order_by("pk"):
                token.revoke(actor, LEFT_REASON)
        owner.is_active = False
        setattr(owner, DECIDED, True)
        owner.save(update_fields=["is_active"])


def end_or_keep(owner: AbstractBaseUser, until: datetime | None, actor: Actor | None) -> None:
    """Store until when the tokens of a switched off account work; None: not any more."""
    with Token.objects.locked_for(owner.pk):
        tokens = Token.objects.owned_by(owner)
        Leaver.objects.filter(pk=owner.pk).delete()
        tokens.filter(outlives_owner=True).update(outlives_owner=False)
        working = list(tokens.active().order_by("pk").select_for_update())
        if until is None or not working:
            return
        Leaver.objects.create(pk=owner.pk, until=until)
        for token in working:
            token.expires_at = min(token.expires_at, until)
            token.outlives_owner = True
            token.save(update_fields=["expires_at", "outlives_owner"])
            words = f"works until {token.expires_at:%Y-%m-%d %H:%M} UTC"
            Event.record(Event.Kind.OWNER_LEFT, token, actor, words)


def welcome_back(owner: AbstractBaseUser, actor: Actor | None = None) -> None:
    """Note that the account of a leaver is switched on again.

    The tokens still end on the day that was set, but they can be renewed before.
    """
    with Token.objects.locked_for(owner.pk):
        leaving = Token.objects.owned_by(owner).filter(outlives_owner=True).order_by("pk")
        for token in leaving.active().select_for_update():
            Event.record(Event.Kind.OWNER_BACK, token, actor)
        leaving.update(outlives_owner=False)
        Leaver.objects.filter(pk=owner.pk).delete()


@receiver(pre_save, sender=settings.AUTH_USER_MODEL)
def notice_switching_off(sender: Any, instance: Any, raw: bool = False, **kwargs: Any) -> None:
    """Remember whether this change switches the account off, which it may have been before."""
    is_off = not raw and not instance.is_active
    was_on = is_off and sender.objects.filter(pk=instance.pk, is_active=True).exists()
    setattr(instance, SWITCHED_OFF, was_on)


@receiver(post_save, sender=settings.AUTH_USER_MODEL)
def follow_switching(
    sender: Any, instance: Any, raw: bool = False, update_fields: Any = None, **kwargs: Any
) -> None:
    """Handle the tokens of an account that was switched off or on, as LEAVER_TOKENS says."""
    is_decided = vars(instance).pop(DECIDED, False)
    was_switched_off = vars(instance).pop(SWITCHED_OFF, False)
    if raw or is_decided or (update_fields is not None and "is_active" not in update_fields):
        return
    if was_switched_off:
        grace = token_settings.LEAVER_TOKENS
        end_or_keep(instance, timezone.now() + grace if grace else None, None)
    elif instance.is_active and Leaver.objects.filter(pk=instance.pk).exists():
        welcome_back(instance)


def tokens_astray() -> dict[str, TokenQuerySet]:
    """Return the working tokens with a wrong owner, by what is wrong.

    Each change keeps all these queries empty. A change past Tokenry, by SQL for example, may not.
    """
    has_maker, has_predecessor = Q(made_by__isnull=False), Q(renewed_from__isnull=False)
    conditions = {
        "work on after their owner's account was switched off, without a day on which they end": Q(
            Q(owner__token_leaver=None) | Q(expires_at__gt=F("owner__token_leaver__until")),
            owner__is_active=False,
            outlives_owner=True,
        ),
        "are of a team, but not of the account of this team": (
            Q(team__isnull=False) & ~Q(owner=F("team__account"))
        ),
        "are of the account of a team, but not of the team": Q(
            Exists(Team.objects.filter(account=OuterRef("owner"))), team=None
        ),
        "are of a team whose account is switched off": Q(
            team__isnull=False, owner__is_active=False
        ),
        "were made with a token of another owner": has_maker & ~Q(made_by__owner=F("owner")),
        "replace a token of another owner": (has_predecessor & ~Q(renewed_from__owner=F("owner"))),
    }
    working = Token.objects.active().order_by("pk")
    return {words: working.filter(condition) for words, condition in conditions.items()}
