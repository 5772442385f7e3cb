"""Sends what is to be told: reminders, from the command, and news, soon after they happen. Each once, whoever asks.

A notice is a row before it is a mail. A sender takes rows for itself, sends without holding a lock, and says that they
are sent; what failed is free again, and what a killed process had taken is so after a while (then a mail that was just
handed over may come twice). News that could not be sent wait for the next, or for send_expiry_reminders.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import groupby
from threading import Timer
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.core.mail import EmailMultiAlternatives
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from tokens import signals
from tokens.emails import news_mail, reminder_mail
from tokens.models import Notice, Token
from tokens.models.notice import LEASE, NoticeQuerySet
from tokens.reminders import DAYS, LATEST, Reminder, due

log = logging.getLogger(__name__)

NEWS_LAST = timedelta(days=7)  # news that could not be sent for so long are given up
PAUSE = timedelta(minutes=10)  # between two mails to one owner about news of the same kind, which come together
AT_ONCE = 1000  # news taken together
AHEAD = timedelta(days=max(DAYS.values()) + 1)
worker = ThreadPoolExecutor(1, "outbox")
timer = Timer(0, lambda: None)  # the latest


class Sent(NamedTuple):
    """How it went with the mail to one owner."""

    email: str
    notices: Sequence[Notice]
    fault: str = ""


def announce_expired(now: datetime) -> int:
    """Send `token_expired` for each token that has expired since the last time; how many."""
    new = Token.objects.filter(revoked_at=None, expires_at__lte=now).exclude(notices__kind=Reminder.EXPIRED)
    count = 0
    for token in new.order_by("expires_at"):
        if Notice.objects.get_or_create(token=token, kind=Reminder.EXPIRED)[1]:
            signals.token_expired.send_robust(sender=Token, token=token, request=None)
            count += 1
    return count


def day_begins(now: datetime) -> datetime:
    """When the day of `now` began, in UTC."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def reminded(now: datetime) -> Any:
    """The tokens whose owners may be due a reminder and want it."""
    close = Token.objects.filter(expires_at__gt=now - LATEST, expires_at__lt=now + AHEAD, owner__is_active=True)
    usable = close.filter(revoked_at=None, renewed_at=None).exclude(owner__token_mails__reminders=False)
    return usable.select_related("owner").order_by("expires_at", "pk")


def owed(tokens: Any, now: datetime) -> list[tuple[Token, Reminder]]:
    """The reminders of these that are due and were not sent."""
    notices = Notice.objects.reminders().filter(token__in=tokens.order_by().values("pk"))
    sent = set(notices.exclude(sent_at=None).values_list("token_id", "kind"))
    found = ((token, due(token, now)) for token in tokens.iterator(chunk_size=1000))
    return [(token, reminder) for token, reminder in found if reminder and (token.pk, reminder.value) not in sent]


def owners_owed(now: datetime) -> dict[Any, list[tuple[Token, Reminder]]]:
    """The reminders to send now, by the owner's key. Nobody gets two mails of them on one day (UTC)."""
    today = Notice.objects.reminders().filter(sent_at__gte=day_begins(now))
    told = set(today.values_list("token__owner_id", flat=True))
    found: dict[Any, list[tuple[Token, Reminder]]] = {}
    for token, reminder in owed(reminded(now), now):
        if token.owner_id not in told:
            found.setdefault(token.owner_id, []).append((token, reminder))
    return found


def take_reminders(owner_pk: Any, now: datetime) -> list[Notice]:
    """The owner's, for the caller to send; none where another one has them in hand or sent them today.

    The owner's row is locked only while they are taken.
    """
    with transaction.atomic():
        get_user_model().objects.select_for_update(no_key=True).filter(pk=owner_pk).first()
        theirs = Notice.objects.reminders().filter(token__owner_id=owner_pk)
        at = timezone.now()  # of the claim, which lasts from here and not from when the run began
        if theirs.filter(Q(sent_at__gte=day_begins(now)) | Q(sent_at=None, claimed_at__gt=at - LEASE)).exists():
            return []
        taken = []
        for token, reminder in owed(reminded(now).filter(owner_id=owner_pk), now):
            notice, _ = Notice.objects.update_or_create(token=token, kind=reminder, defaults={"claimed_at": at})
            notice.token = token
            taken.append(notice)
    return taken


def send_reminders(now: datetime) -> list[Sent]:
    """A mail to each owner who is due reminders."""
    each = (take_reminders(owner_pk, now) for owner_pk in owners_owed(now))
    return [send(notices, lambda taken: reminder_mail(taken, now)) for notices in each if notices]


def news_to_send(now: datetime) -> NoticeQuerySet:
    """Return the news that wait, those too whose owner was told of the like a moment ago."""
    return Notice.objects.news().waiting(now).filter(made_at__gt=now - NEWS_LAST, token__owner__is_active=True)


def told_lately(now: datetime) -> Exists:
    """Return a condition on notices: their owner had a mail about news of the same kind within PAUSE.

    A program that makes tokens in a loop would else bury the mail that matters, and use up the mail server's quota.
    """
    same = Notice.objects.filter(kind=OuterRef("kind"), token__owner=OuterRef("token__owner"))
    return Exists(same.filter(made_at__gt=now - timedelta(hours=1), sent_at__gt=now - PAUSE))


def send_news(now: datetime) -> list[Sent]:
    """A mail to each owner whose tokens had something happen to them."""
    oldest = (
        news_to_send(now)
        .exclude(told_lately(now))
        .select_related("token__owner", "token__renewed_from")
        .order_by("made_at")[:AT_ONCE]
    )
    by_owner = groupby(sorted(oldest, key=lambda notice: notice.token.owner_id), lambda notice: notice.token.owner_id)
    each = (Notice.objects.take(theirs, timezone.now()) for _, theirs in by_owner)
    return [send(taken, news_mail) for taken in each if taken]


def send(notices: Sequence[Notice], write: Callable[[Sequence[Notice]], EmailMultiAlternatives]) -> Sent:
    """Send the mail about `notices`, all of one owner, and mark them; or give them back where it fails."""
    rows = Notice.objects.filter(pk__in=[notice.pk for notice in notices])
    email = notices[0].token.owner.email
    try:
        write(notices).send()
    except Exception as error:  # noqa: BLE001  (whatever it is, it stops nobody else's mail)
        log.warning("a mail to %s could not be sent: %s", email, error)
        rows.update(claimed_at=None)
        return Sent(email, notices, str(error) or type(error).__name__)
    rows.update(sent_at=timezone.now())
    return Sent(email, notices)


def send_news_soon() -> None:
    """Have a thread send them, so that nobody waits for a mail server. A process that ends waits for it."""
    with suppress(RuntimeError):  # it has ended already: the row is there for the next
        worker.submit(_send_news)


def send_news_after(seconds: float) -> None:
    """Have them sent later by this process, unless it ends before: then the next one, or the daily command, does.

    One timer waits at a time. The thread of the outbox alone calls this, so no second one comes between.
    """
    global timer  # noqa: PLW0603
    if not timer.is_alive():
        timer = Timer(seconds, send_news_soon)
        timer.daemon = True
        timer.start()


def _send_news() -> None:
    try:
        now = timezone.now()
        send_news(now)
        if news_to_send(now).filter(told_lately(now)).exists():
            send_news_after(PAUSE.total_seconds())
    except Exception:
        log.exception("news of tokens could not be sent")
    finally:
        connection.close()
