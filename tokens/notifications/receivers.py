"""Turn signals about tokens into notifications: stored e-mails, which `outbox` sends."""

from collections.abc import Collection
from typing import Any

from django.db.models import Max
from django.dispatch import receiver

from tokens import signals
from tokens.core.networks import client_network
from tokens.models import (
    Actor,
    ImportedToken,
    KnownAddress,
    MailChoices,
    Notification,
    Token,
)
from tokens.notifications import outbox
from tokens.problems.problem import Problem
from tokens.usage.request_record import RequestRecord


def notify(token: Token, kind: Notification.Kind, detail: str = "", *, soon: bool = True) -> None:
    """Store a notification, an e-mail to send, for the owner of `token`. Each kind is stored once.

    The kind NEW_ADDRESS is stored once for each address. With `soon`, a thread of this process
    sends the e-mail at once. Commands pass False, because their process ends soon: a server
    process sends the e-mail with its next e-mails.
    """
    key = {"detail": detail} if kind == Notification.Kind.NEW_ADDRESS else {}
    _, new = Notification.objects.get_or_create(
        token_id=token.pk, kind=kind, **key, defaults={"detail": detail}
    )
    if new and soon:
        outbox.send_event_mails_soon()


@receiver(signals.token_created)
def notify_created(token: Token, actor: Actor | None, **kwargs: Any) -> None:
    """Tell the owner by e-mail that a token was created."""
    address = actor.address if actor else ""
    notify(token, Notification.Kind.CREATED, address, soon=actor is not None)


def notify_imported(owner_pks: Collection[Any]) -> None:
    """Store an e-mail to each of these owners about their imported tokens.

    The notification belongs to the owner's newest imported token. So an import that is repeated
    sends no second e-mail, and an import that was interrupted sends the e-mail in its next run.
    """
    newest = ImportedToken.objects.values_list("token__owner").annotate(Max("token"))
    Notification.objects.bulk_create(
        [
            Notification(token_id=token_pk, kind=Notification.Kind.IMPORTED)
            for owner_pk, token_pk in newest
            if owner_pk in owner_pks
        ],
        ignore_conflicts=True,
    )


@receiver(signals.token_renewed)
def notify_renewed(successor: Token, actor: Actor | None, **kwargs: Any) -> None:
    """Tell the owner by e-mail that a token was renewed, if the owner wants these e-mails."""
    if MailChoices.of(successor.owner_id).renewals:
        address = actor.address if actor else ""
        notify(successor, Notification.Kind.RENEWED, address, soon=actor is not None)


@receiver(signals.token_revoked)
def notify_revoked(token: Token, actor: Actor | None, **kwargs: Any) -> None:
    """Tell the owner by e-mail that somebody else revoked a token."""
    if actor is None:
        notify(token, Notification.Kind.REVOKED, "on the command line", soon=False)
    elif actor.user is None:
        notify(token, Notification.Kind.REVOKED, "by somebody who holds its value")
    elif actor.user.pk != token.owner_id:
        notify(token, Notification.Kind.REVOKED, "by an administrator")


@receiver(signals.token_refused)
def notify_used_revoked(
    token: Token, problem: Problem, record: RequestRecord, **kwargs: Any
) -> None:
    """Tell the owner by e-mail that a revoked token was used, once for each token.

    A client can't cause the query below too often, because FAILED_AUTH_LIMIT limits its
    requests.
    """
    if problem.code != "revoked_token":
        return
    if not token.notifications.filter(kind=Notification.Kind.USED_REVOKED).exists():
        notify(token, Notification.Kind.USED_REVOKED, record.address)


@receiver(signals.token_used)
def notify_new_address(token: Token, record: RequestRecord, **kwargs: Any) -> None:
    """Tell the owner by e-mail that a token was used from a new address.

    The owner gets this e-mail only if the owner chose these e-mails.
    """
    if not record.address:
        return
    address = client_network(record.address)
    if KnownAddress.is_new(token.pk, address) and MailChoices.of(token.owner_id).new_addresses:
        notify(token, Notification.Kind.NEW_ADDRESS, address)
