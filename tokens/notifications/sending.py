"""Send one mail for the notifications of each owner, and mark these notifications as sent."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from tokens.core.text import one_line
from tokens.models import Notification
from tokens.models.notification import OutboxQuerySet
from tokens.notifications.mail_server import MailServer
from tokens.notifications.recipients import recipients_of
from tokens.usage import metrics

log = logging.getLogger(__name__)

WriteMail = Callable[[Sequence[Notification]], EmailMultiAlternatives]


class MailResult(NamedTuple):
    """The mail about the tokens of one owner. `problem` says why the mail failed, or is "".

    `email` has the addresses of the recipients, with commas between them. It is "" if nobody gets
    a mail.
    """

    email: str
    notifications: Sequence[Notification]
    problem: str = ""


def send_each(
    server: MailServer, claimed: Iterable[Sequence[Notification]], write: WriteMail
) -> Iterator[MailResult]:
    """Send one mail about each owner's notifications. Yield the results.

    If the mail server does not answer, give the other notifications back, and yield no result.
    """
    for notifications in claimed:
        if server.is_away:
            release_claims(notifications)
        elif notifications:
            yield send_batch(server, notifications, write)


def send_batch(
    server: MailServer, notifications: Sequence[Notification], write: WriteMail
) -> MailResult:
    """Send one mail about `notifications` of one owner. Mark them as sent, or give them back.

    Notifications that nobody gets are marked as sent too, so that they do not wait for ever.
    """
    recipients = recipients_of(notifications[0].token, notifications[0].account)
    chosen = recipients.choose(notifications)
    email = ", ".join(recipients.addresses) if chosen else ""
    try:
        if chosen:
            mail = write(chosen)
            recipients.address(mail)
            server.send(mail)
    except Exception as error:  # no error may stop the mails to other owners
        # An OSError is a problem of the mail server or the network, so a traceback says no more.
        is_expected = isinstance(error, OSError)
        log.warning("a mail to %s could not be sent: %s", email, error, exc_info=not is_expected)
        problem = one_line(str(error) or type(error).__name__, Notification.MAX_PROBLEM_LENGTH)
        release_claims(notifications, problem)
        metrics.observe_mail("tokens", sent=False)
        return MailResult(email, notifications, problem)
    rows_of(notifications).update(sent_at=timezone.now(), problem="")
    if email:
        metrics.observe_mail("tokens", sent=True)
    return MailResult(email, notifications)


def release_claims(notifications: Sequence[Notification], problem: str = "") -> None:
    """Give `notifications` back, so that any sender can claim them. Store the problem, if any."""
    rows_of(notifications).update(claimed_at=None, **({"problem": problem} if problem else {}))


def rows_of(notifications: Sequence[Notification]) -> OutboxQuerySet:
    """Return the query for the rows of `notifications`."""
    return Notification.objects.filter(pk__in=[notification.pk for notification in notifications])
