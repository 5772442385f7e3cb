"""Send the e-mails about tokens: reminders (from a command) and events (from a thread).

Each notification is stored as a row before the e-mail is sent. A sender claims rows (reserves
them for itself), sends the e-mail without holding a lock, and marks the rows as sent. So each
e-mail is sent once, even with several senders.

NOTE: If an e-mail fails, its rows can be claimed again at once. If a process is killed, its rows
can be claimed again after CLAIM_TIMEOUT. If it had just sent the e-mail, the e-mail comes twice,
which is better than no e-mail. A failed e-mail about an event is tried again after some minutes;
after a restart, with the next event or by the daily command.
"""

import logging
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from itertools import groupby
from threading import Timer
from typing import Any

from django.contrib.auth import get_user_model
from django.db import DatabaseError, connections, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from tokens import signals
from tokens.authentication import change_wait
from tokens.core.running_tests import is_test_run
from tokens.models import Notification, Token
from tokens.models.notification import OutboxQuerySet, is_claimed
from tokens.notifications.emails import event_mail, reminder_mail
from tokens.notifications.mail_server import MailServer
from tokens.notifications.reminders import (
    DAYS_BEFORE_EXPIRY,
    MAX_EXPIRED_AGE,
    Reminder,
    due_reminder,
)
from tokens.notifications.sending import MailResult, send_each

log = logging.getLogger(__name__)

MAX_EVENT_MAIL_AGE = timedelta(days=7)  # older notifications of events are never sent
# The pause between two mails to one owner about the same kind of event. The second has all events.
EVENT_MAIL_INTERVAL = timedelta(minutes=10)
MAX_NOTIFICATIONS_PER_RUN = 1000  # event notifications that one run sends
# Owners whose reminders are claimed in one transaction. The number is so small that all mails are
# sent long before CLAIM_TIMEOUT.
OWNERS_PER_BATCH = 50
LOOKAHEAD = timedelta(days=max(DAYS_BEFORE_EXPIRY.values()) + 1)
DueReminders = list[tuple[Token, Reminder]]
worker = ThreadPoolExecutor(1, "outbox")
timer = Timer(0, lambda: None)  # the latest timer


def announce_expired(now: datetime) -> int:
    """Send the signal `token_expired` once for each expired token. Return the number of tokens."""
    new = Token.objects.filter(revoked_at=None, expires_at__lte=now).exclude(
        notifications__kind=Reminder.EXPIRED
    )
    count = 0
    for token in new.order_by("expires_at"):
        if Notification.objects.get_or_create(token=token, kind=Reminder.EXPIRED)[1]:
            signals.token_expired.send_robust(sender=Token, token=token, actor=None)
            count += 1
    return count


def sent_today(now: datetime) -> Q:
    """Return the condition that a notification was sent on the day (in UTC) of `now`."""
    start = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Q(sent_at__gte=start, sent_at__lt=start + timedelta(days=1))


def tokens_to_remind(now: datetime) -> Any:
    """Return the tokens for which a reminder may be due, and whose owners want reminders.

    For tokens of teams, recipients.py says who wants them.
    """
    close = Token.objects.filter(
        expires_at__gt=now - MAX_EXPIRED_AGE,
        expires_at__lt=now + LOOKAHEAD,
        owner__is_active=True,
    )
    usable = close.filter(revoked_at=None, renewed_at=None)
    usable = usable.exclude(owner__token_mails__reminders=False, team=None)
    return usable.select_related("owner", "team", "imported").order_by("expires_at", "pk")


def due_reminders(tokens: Any, now: datetime) -> DueReminders:
    """Return the pairs (token, reminder) for reminders that are due and were not sent."""
    notifications = Notification.objects.reminders().filter(
        token__in=tokens.order_by().values("pk")
    )
    sent = set(notifications.exclude(sent_at=None).values_list("token_id", "kind"))
    newest = ((token, due_reminder(token, now)) for token in tokens.iterator(chunk_size=1000))
    return [
        (token, reminder)
        for token, reminder in newest
        if reminder and (token.pk, reminder.value) not in sent
    ]


def due_by_owner(now: datetime) -> dict[Any, DueReminders]:
    """Return the reminders to send now, by the owner's primary key.

    Owners who got a mail with reminders today (UTC) are left out.
    """
    today = Notification.objects.reminders().filter(sent_today(now))
    mailed = set(today.values_list("token__owner_id", flat=True))
    by_owner: dict[Any, DueReminders] = {}
    for token, reminder in due_reminders(tokens_to_remind(now), now):
        if token.owner_id not in mailed:
            by_owner.setdefault(token.owner_id, []).append((token, reminder))
    return by_owner


def claim_due_reminders(owner_pks: Collection[Any], now: datetime) -> list[list[Notification]]:
    """Claim (reserve) the due reminders of these owners for the caller. Return a list per owner.

    Owners whose reminders another sender has claimed or sent today are left out. The rows of the
    owners are locked only during the claim.
    """
    with transaction.atomic():
        owners = get_user_model().objects.select_for_update(no_key=True).filter(pk__in=owner_pks)
        # All senders lock the owners in the same order, so that no two of them deadlock.
        free = set(owners.order_by("pk").values_list("pk", flat=True))
        # The claim begins now. `now`, the start of the run, may be some time ago.
        at = timezone.now()
        busy = sent_today(now) | Q(is_claimed(at), sent_at=None)
        theirs = Notification.objects.reminders().filter(token__owner_id__in=free)
        free -= set(theirs.filter(busy).values_list("token__owner_id", flat=True))
        due = due_reminders(tokens_to_remind(now).filter(owner_id__in=free), now)
        claimed = Notification.objects.claim_reminders(due, at)
    by_owner: dict[Any, list[Notification]] = {}
    for notification in claimed:
        by_owner.setdefault(notification.token.owner_id, []).append(notification)
    return list(by_owner.values())


def send_reminders(now: datetime) -> Iterator[MailResult]:
    """Send a mail to each owner with due reminders. Yield a result for each mail.

    Stop if the mail server does not answer.
    """
    owner_pks = list(due_by_owner(now))
    with closing(MailServer()) as server:
        for start in range(0, len(owner_pks), OWNERS_PER_BATCH):
            batch = claim_due_reminders(owner_pks[start : start + OWNERS_PER_BATCH], now)
            yield from send_each(server, batch, lambda claimed: reminder_mail(claimed, now))
            if server.is_away:
                return


def waiting_event_mails(now: datetime) -> OutboxQuerySet:
    """Return all event notifications that wait, even if their owner just got a mail."""
    waiting = Notification.objects.event_mails().waiting(now)
    return waiting.to_active_accounts().filter(made_at__gt=now - MAX_EVENT_MAIL_AGE)


def mailed_recently(now: datetime) -> Exists:
    """Return the condition that the owner just got a mail about the same kind of event.

    That is, less than EVENT_MAIL_INTERVAL ago.

    NOTE: Without this pause, a program that makes tokens in a loop would cause so many mails
    that the owner overlooks an important one. The price: the second mail comes later.
    """
    same = Notification.objects.filter(
        Q(account=OuterRef("account")) | Q(account=None),
        kind=OuterRef("kind"),
        token__owner=OuterRef("token__owner"),
    )
    return Exists(
        same.filter(
            made_at__gt=now - timedelta(hours=1),
            sent_at__gt=now - EVENT_MAIL_INTERVAL,
            sent_at__lt=now + EVENT_MAIL_INTERVAL,
        )
    )


def send_event_mails(now: datetime) -> list[MailResult]:
    """Send a mail to each owner whose tokens had events. Return the results.

    Wait first until the changes, such as a revocation, hold in each process.
    """
    oldest = list(
        waiting_event_mails(now)
        .exclude(mailed_recently(now))
        .select_related(
            "token__owner", "token__team", "token__renewed_from", "token__imported", "account"
        )
        .order_by("made_at")[:MAX_NOTIFICATIONS_PER_RUN]
    )
    if oldest:
        change_wait.wait_without_request()

    def receiver_pk(notification: Notification) -> Any:
        return notification.receiver.pk

    by_receiver = groupby(sorted(oldest, key=receiver_pk), receiver_pk)
    claimed = (Notification.objects.claim(theirs, timezone.now()) for _, theirs in by_receiver)
    with closing(MailServer()) as server:
        return list(send_each(server, claimed, event_mail))


def send_event_mails_soon() -> None:
    """Let a thread send the event mails, so that no request waits for a mail server.

    Before the process ends, it waits for the thread. While tests run, nothing is sent.
    """
    # RuntimeError: the process is ending. The next process sends the mails.
    with suppress(RuntimeError):
        if not is_test_run():
            worker.submit(_send_in_thread)


def send_event_mails_after(seconds: float) -> None:
    """Let this process send the event mails after so many seconds.

    If the process ends before, the next process or the daily command sends them. Only one timer
    runs at a time. Only the thread of the outbox calls this function, so there is no race.
    """
    global timer  # noqa: PLW0603
    if not timer.is_alive():
        timer = Timer(seconds, send_event_mails_soon)
        timer.daemon = True
        timer.start()


def _send_in_thread() -> None:
    """Send the event mails, and start a timer if some must wait. Log errors and raise none."""
    try:
        now = timezone.now()
        send_event_mails(now)
        # Mails wait if their owner just got another mail, or if they failed.
        if waiting_event_mails(now).exists():
            send_event_mails_after(EVENT_MAIL_INTERVAL.total_seconds())
    except DatabaseError as error:  # a traceback would say no more
        log.warning("mails about tokens could not be sent: %s", str(error).partition("\n")[0])
    except Exception:
        log.exception("mails about tokens could not be sent")
    finally:
        connections.close_all()
