"""What the owner of a token hears by e-mail when it happens: each thing becomes a row here, and a mail in `outbox`."""

from typing import Any

from django.dispatch import receiver
from django.http import HttpRequest

from tokens import outbox, signals
from tokens.addresses import neighbourhood
from tokens.call import Call
from tokens.denial import Denial
from tokens.models import KnownAddress, MailChoices, Notice, Token


def tell(token: Token, kind: Notice.Kind, detail: str = "", *, soon: bool = True) -> None:
    """Have the owner hear of it, once for each token (of a new address, once for each).

    From the command line not `soon`, but with the next mails: what runs there ends at once and prints for scripts.
    """
    told = {"detail": detail} if kind == Notice.Kind.NEW_ADDRESS else {}
    _, new = Notice.objects.get_or_create(token_id=token.pk, kind=kind, **told, defaults={"detail": detail})
    if new and soon:
        outbox.send_news_soon()


def address_of(request: HttpRequest | None) -> str:
    return request.META.get("REMOTE_ADDR", "") if request else ""


@receiver(signals.token_created)
def created(token: Token, request: HttpRequest | None, **kwargs: Any) -> None:
    tell(token, Notice.Kind.CREATED, address_of(request), soon=request is not None)


@receiver(signals.token_renewed)
def renewed(successor: Token, request: HttpRequest | None, **kwargs: Any) -> None:
    if MailChoices.of(successor.owner_id).renewals:
        tell(successor, Notice.Kind.RENEWED, address_of(request), soon=request is not None)


@receiver(signals.token_revoked)
def revoked(token: Token, request: HttpRequest | None, **kwargs: Any) -> None:
    """Who revokes their own knows it."""
    if request is None:
        tell(token, Notice.Kind.REVOKED, "on the command line", soon=False)
    elif request.user.pk is None:
        tell(token, Notice.Kind.REVOKED, "by somebody who holds its value")
    elif request.user.pk != token.owner_id:
        tell(token, Notice.Kind.REVOKED, "by an administrator")


@receiver(signals.token_refused)
def refused(token: Token, denial: Denial, use: Call, **kwargs: Any) -> None:
    """A flood of these is cut by the limit on failed authentication."""
    if denial.code == "revoked_token" and not token.notices.filter(kind=Notice.Kind.USED_REVOKED).exists():
        tell(token, Notice.Kind.USED_REVOKED, use.address)


@receiver(signals.token_used)
def used(token: Token, use: Call, **kwargs: Any) -> None:
    if not use.address:
        return
    address = neighbourhood(use.address)
    if KnownAddress.is_new(token.pk, address) and MailChoices.of(token.owner_id).new_addresses:
        tell(token, Notice.Kind.NEW_ADDRESS, address)
