"""Turn signals about tokens into notifications: stored e-mails, which `outbox` sends."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Max
from django.dispatch import receiver
from django.utils import timezone

from tokens import signals
from tokens.core.networks import client_network
from tokens.core.text import one_line
from tokens.models import (
    Actor,
    ImportedToken,
    KnownAddress,
    MailChoices,
    Membership,
    Notification,
    ScopeRequest,
    Token,
    TransferOffer,
)
from tokens.notifications import approval_mails, outbox
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
    notify(token, Notification.Kind.CREATED, origin_words(token, actor), soon=actor is not None)


def notify_broken_policy(token: Token, policy: str) -> None:
    """Tell the owner by e-mail that `token` breaks the policy with the name `policy`."""
    tell_also(token, Notification.Kind.BROKEN_POLICY, policy)


@receiver(signals.scope_decided)
def notify_decided(token: Token, request: ScopeRequest, **kwargs: Any) -> None:
    """Tell the owner by e-mail what an approver decided about a scope of `token`."""
    words = f"{request.get_decision_display()}: {request.decision_in_words}"
    tell_also(token, Notification.Kind.SCOPE_DECIDED, words)


@receiver(signals.approval_asked)
def mail_approvers(token: Token, **kwargs: Any) -> None:
    """Tell the approvers by e-mail that a scope of `token` waits for them."""
    approval_mails.send_approval_mails_soon()


def tell_also(token: Token, kind: Notification.Kind, detail: str) -> None:
    """Store a notification of a kind that the owner may get several times about one token.

    A token has one notification of the kind. It is sent again, and names all details that were
    not told yet.
    """
    detail = one_line(detail, Notification.MAX_DETAIL_LENGTH)
    notification, new = Notification.objects.get_or_create(
        token_id=token.pk, kind=kind, defaults={"detail": detail}
    )
    if not new:
        waiting = [] if notification.sent_at else [notification.detail]
        notification.detail = one_line(
            ", ".join([*waiting, detail]), Notification.MAX_DETAIL_LENGTH
        )
        notification.made_at, notification.sent_at = timezone.now(), None
        notification.claimed_at = None
        notification.save(update_fields=["detail", "made_at", "sent_at", "claimed_at"])
    outbox.send_event_mails_soon()


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
    if successor.team_id or MailChoices.of(successor.owner_id).renewals:
        origin = origin_words(successor, actor)
        notify(successor, Notification.Kind.RENEWED, origin, soon=actor is not None)


@receiver(signals.token_revoked)
def notify_revoked(token: Token, actor: Actor | None, reason: str = "", **kwargs: Any) -> None:
    """Tell the owner by e-mail that somebody else revoked a token, and the reason if there is one.

    All members of a team are told when one of them revoked a token of the team.
    """
    if actor is None or actor.user is None or actor.user.pk != token.owner_id:
        words = f"{who_acted(token, actor)}: {reason}" if reason else who_acted(token, actor)
        detail = one_line(words, Notification.MAX_DETAIL_LENGTH)
        notify(token, Notification.Kind.REVOKED, detail, soon=actor is not None)


def origin_words(token: Token, actor: Actor | None) -> str:
    """Return from where a token was made, or, for a token of a team, who made the token."""
    if token.team_id:
        return who_acted(token, actor)
    return actor.address if actor else ""


def who_acted(token: Token, actor: Actor | None) -> str:
    """Return in words who changed `token`. Members of its team are named, administrators not."""
    if actor is None:
        return "on the command line"
    if actor.user is None:
        return "by somebody who holds its value"
    if actor.user.pk == token.owner_id and actor.token:
        return f"by a program with {actor.token.identifier}"
    if Membership.objects.filter(team_id=token.team_id, user_id=actor.user.pk).exists():
        return one_line(f"by {actor.user.get_username()}")
    return "by an administrator"


@receiver(signals.token_offered)
def notify_offered(token: Token, offer: TransferOffer, actor: Actor | None, **kwargs: Any) -> None:
    """Tell a person by e-mail that somebody offers a token, at most once a day for each token."""
    told = token.notifications.filter(kind=Notification.Kind.OFFERED)
    lately = told.filter(made_at__gt=timezone.now() - timedelta(days=1))
    if offer.receiver is not None and not lately.exists():
        notify_again(token, Notification.Kind.OFFERED, "", offer.receiver)


@receiver(signals.token_transferred)
def notify_transferred(
    token: Token, giver: AbstractBaseUser, actor: Actor | None, **kwargs: Any
) -> None:
    """Tell both owners by e-mail that a token has another owner now."""
    soon = actor is not None
    team = f"team:{token.team_id}" if token.team_id else "another person"
    notify_again(token, Notification.Kind.HANDED_OVER, team, giver, soon=soon)
    notify_again(token, Notification.Kind.RECEIVED, soon=soon)


def notify_again(
    token: Token,
    kind: Notification.Kind,
    detail: str = "",
    account: AbstractBaseUser | None = None,
    *,
    soon: bool = True,
) -> None:
    """Store a notification of a kind that may happen to a token several times.

    The mail goes to `account`, or to the owner if it is None. `soon` is as in `notify`.

    NOTE: A token has one row of each kind. A mail to a former owner that is not sent yet is not
    replaced. Otherwise somebody could hand a token over twice, so that the first owner gets none.
    """
    values = {"detail": detail, "account_id": account and account.pk, "made_at": timezone.now()}
    row, new = Notification.objects.get_or_create(token=token, kind=kind, defaults=values)
    if not new and (row.sent_at or account is None):
        rows = Notification.objects.filter(pk=row.pk)
        rows.update(**values, claimed_at=None, sent_at=None)
    if soon:
        outbox.send_event_mails_soon()


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

    The owner gets this e-mail only if the owner chose these e-mails. Teams never get it.
    """
    if not record.address:
        return
    address = client_network(record.address)
    if (
        KnownAddress.is_new(token.pk, address)
        and not token.team_id
        and MailChoices.of(token.owner_id).new_addresses
    ):
        notify(token, Notification.Kind.NEW_ADDRESS, address)
