"""The outbox of accounts: a thread does what pages must not wait for, or fail with.

A mail is a row before it is a mail. What can't be sent is tried again, a few times; what a stopped process left is sent
by the next.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPResponseException
from threading import BoundedSemaphore, Timer

from django.db import connection, transaction
from django.utils import timezone

from accounts.mails import write
from accounts.models import Notification, User

log = logging.getLogger(__name__)

PAUSE_SECONDS = 0.5  # before work begins, so that it does not slow down the answer to who asked for it
LOOK_SECONDS = 60.0  # between looks at what failed
MAX_WAITING = 1000  # pieces of work; strangers ask for some
ABOUT_ONE_MAIL = (SMTPRecipientsRefused, SMTPDataError)  # after which the server may well take the next
worker = ThreadPoolExecutor(1, "account-outbox")
places = BoundedSemaphore(MAX_WAITING)
next_look = 0.0  # on the monotonic clock


def in_background(work: Callable[..., None], *arguments: object) -> None:
    """Have the outbox's thread do `work`. Where too much waits already, the work is dropped, and the log says so."""
    if not places.acquire(blocking=False):
        log.error("too much waits in the outbox of accounts: %s is dropped", work.__name__)
        return
    with suppress(RuntimeError):  # the process is ending
        worker.submit(_do, time.monotonic() + PAUSE_SECONDS, work, arguments)


def _do(begin: float, work: Callable[..., None], arguments: tuple[object, ...]) -> None:
    try:
        time.sleep(max(0.0, begin - time.monotonic()))
        work(*arguments)
    except Exception:
        log.exception("%s failed", work.__name__)
    finally:
        places.release()
        connection.close()


def queue(user: User, kind: str, to: str, facts: Mapping[str, str] | None = None) -> None:
    """Send a mail of `kind` about the account of `user` to `to`, once the transaction is through. `facts` hold no
    secret."""
    fresh = {"facts": dict(facts or {}), "made_at": timezone.now(), "due_at": timezone.now(), "tries": 0, "problem": ""}
    Notification.objects.update_or_create(user=user, kind=kind, to=to, defaults=fresh)
    send_soon()


def send_soon() -> None:
    """Have the thread send what is due, once the transaction is through."""
    transaction.on_commit(partial(in_background, send_due))


def send_due() -> None:
    """Send the mails that are due, until the mail server is out of reach; look again later if some are left."""
    for notification in Notification.objects.due(timezone.now()):
        if notification.take(timezone.now()) and not send(notification):
            break
    look_again()


def send(notification: Notification) -> bool:
    """Send one mail, which then is no longer in the outbox. Return whether there is a server to send more."""
    try:
        if mail := write(notification):
            mail.send()
    except Exception as error:
        problem = problem_of(error)
        ours = not isinstance(error, OSError)  # not the mail server's, nor the network's
        log.warning(
            "a mail to %s could not be sent, try %d: %s", notification.to, notification.tries, problem, exc_info=ours
        )
        notification.fail(problem, timezone.now())
        return ours or isinstance(error, ABOUT_ONE_MAIL)
    notification.as_taken.delete()
    return True


def problem_of(error: Exception) -> str:
    """Return what the mail server said, or what else went wrong. Servers quote links: those are left out."""
    said = str(error) or type(error).__name__
    if isinstance(error, SMTPRecipientsRefused):
        said = "; ".join(in_words(*answer) for answer in error.recipients.values())
    elif isinstance(error, SMTPResponseException):
        said = in_words(error.smtp_code, error.smtp_error)
    return re.sub(r"https?://\S+|\S*/accounts/\S+", "[link]", said)


def in_words(code: int, text: bytes | str) -> str:
    """Return an answer of a mail server as one line."""
    return " ".join(f"{code} {text.decode(errors='replace') if isinstance(text, bytes) else text}".split())


def look_again() -> None:
    """Send what is due then in a while, if something waits. One look at a time is planned."""
    global next_look  # noqa: PLW0603
    if time.monotonic() >= next_look and Notification.objects.waiting().exists():
        next_look = time.monotonic() + LOOK_SECONDS
        timer = Timer(LOOK_SECONDS, in_background, (send_due,))
        timer.daemon = True
        timer.start()
