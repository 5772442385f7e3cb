"""Receivers of signals, which write events about accounts into the audit log."""

from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Q, Value
from django.db.models.functions import Replace
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from tokens.authentication.requests import actor_of
from tokens.core.accounts import email_of
from tokens.models import (
    TEAM_KINDS,
    AccountKind,
    Event,
    Invitation,
    Notification,
    ScopeRequest,
    Team,
    Token,
    origin_columns,
)
from tokens.usage import recorder


@receiver(pre_delete, sender=settings.AUTH_USER_MODEL)
def remove_personal_data(sender: Any, instance: Any, **kwargs: Any) -> None:
    """Remove personal data from the events of an account that is being deleted. Keep the events.

    Personal data are client addresses, User-Agents, and the details of events about the account.
    """
    # NOTE: Lock the account and then its tokens, as `locked_for` and the thread that writes usage
    # do. Django deletes the rows that refer to a token before the token. Without these locks, the
    # deletion and another change could wait for each other for ever (a deadlock).
    list(sender.objects.select_for_update(no_key=True).filter(pk=instance.pk).values_list("pk"))
    list(Token.objects.filter(owner=instance).order_by("pk").select_for_update().values_list("pk"))
    # Event.objects never updates events. The base manager can.
    events = Event._base_manager  # noqa: SLF001
    events.filter(Q(owner=instance) | Q(actor=instance)).update(address=None, user_agent="")
    # In events about accounts, the detail may contain an e-mail address; in events about changed
    # tokens, the addresses of networks.
    personal = Q(identifier="") | Q(kind=Event.Kind.CHANGED)
    events.filter(personal, owner=instance).update(detail="")
    # The events of teams name the people who joined and left.
    named = Q(detail__contains=str(instance)) | Q(detail__contains=email_of(instance) or "\n")
    teams = Team.objects.values("account")
    events.filter(named, owner__in=teams, kind__in=TEAM_KINDS).update(detail="")
    Invitation.objects.to(instance).delete()
    remove_approver(instance)


def remove_approver(user: AbstractBaseUser) -> None:
    """Remove the name of `user` from what is stored about their decisions. Keep the rest."""
    named = ScopeRequest.words_by(user.get_username())
    decided = Event._base_manager.filter(  # noqa: SLF001  # as above
        actor=user.pk, kind__in=[Event.Kind.SCOPE_APPROVED, Event.Kind.SCOPE_DECLINED]
    )
    tokens = ScopeRequest.objects.filter(decided_by=user.pk).order_by().values("token")
    told = Notification.objects.filter(kind=Notification.Kind.SCOPE_DECIDED, token_id__in=tokens)
    for rows in (decided, told):
        rows.filter(detail__contains=named).update(
            detail=Replace("detail", Value(named), Value(""))
        )


def record_account_event(
    user: AbstractBaseUser, what: str, request: HttpRequest | None, detail: str = "", **kwargs: Any
) -> None:
    """Write an event about the account `user`. `what` is the value of the event in AccountKind.

    Raise ValueError if AccountKind has no such value. `request` gives the address of the client.
    """
    Event.record_account(AccountKind(what), user, actor_of(request), detail)


def record_wrong_password(email: str, request: HttpRequest | None, **kwargs: Any) -> None:
    """Let a background thread write an event about a wrong password for the account `email`.

    If this request wrote the event itself, it would take longer for accounts that exist. So its
    response time would show which accounts exist.
    """
    # Pass plain values to the thread. An Actor would keep the request, with the typed password, in
    # memory.
    origin = origin_columns(actor_of(request))
    recorder.recorder.record_wrong_password(email, timezone.now(), origin)
