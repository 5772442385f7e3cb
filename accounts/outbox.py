"""The outbox of accounts: mails that wait in the database, and a thread that sends them.

NOTE: A thread sends the mails, so that no page waits for the mail server. A sender first claims
the row of a mail (Notification.claim), so that several senders do not send the same mail. If the
mail server refuses a mail, the thread tries again a few times. If the process stops first, the
next process sends the mail.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPResponseException
from threading import BoundedSemaphore, Timer

import django
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import DatabaseError, connection, transaction
from django.dispatch import Signal
from django.utils import timezone

from accounts.mails import write_mail
from accounts.models import Notification, User

log = logging.getLogger(__name__)

# The thread waits this time before a task, so that the response to the request is sent first.
DELAY_SECONDS = 0.5
# Between two checks for mails that must be tried again.
CHECK_SECONDS = 60.0
# The most tasks that wait for the thread. Anybody can cause tasks, so there must be a limit.
MAX_WAITING = 1000
# Errors about a single mail. After them the server may accept the next mail.
ABOUT_ONE_MAIL = (SMTPRecipientsRefused, SMTPDataError)
worker = ThreadPoolExecutor(1, "account-outbox")
task_slots = BoundedSemaphore(MAX_WAITING)  # each task holds one until it has ended
next_check = 0.0  # the time of the planned check, on the monotonic clock
mail_tried = Signal()  # sent: True if the mail server took the mail


def in_background(work: Callable[..., None], *arguments: object) -> None:
    """Run `work(*arguments)` in the background thread, after DELAY_SECONDS.

    If MAX_WAITING tasks wait already, log an error, and do not run `work` at all.
    """
    if not task_slots.acquire(blocking=False):
        log.error("too many tasks wait in the outbox of accounts: %s is dropped", work.__name__)
        return
    with suppress(RuntimeError):  # the process is ending
        worker.submit(_run_task, time.monotonic() + DELAY_SECONDS, work, arguments)


def _run_task(begin: float, work: Callable[..., None], arguments: tuple[object, ...]) -> None:
    try:
        time.sleep(max(0.0, begin - time.monotonic()))
        work(*arguments)
    except DatabaseError as error:  # the message is enough, without a traceback
        log.warning("%s failed: %s", work.__name__, str(error).partition("\n")[0])
    except Exception:
        log.exception("%s failed", work.__name__)
    finally:
        task_slots.release()
        connection.close()


def queue(user: User, kind: str, to: str, facts: Mapping[str, str] | None = None) -> None:
    """Put a mail to the address `to` in the outbox. `user` is the account that the mail is about.

    `kind` is the beginning of the names of the mail's templates. `facts` are variables for the
    templates. They are stored, so they must contain no secrets. The mail is sent after the
    transaction is committed.
    """
    fresh = {
        "facts": dict(facts or {}),
        "made_at": timezone.now(),
        "due_at": timezone.now(),
        "tries": 0,
        "problem": "",
    }
    Notification.objects.update_or_create(user=user, kind=kind, to=to, defaults=fresh)
    send_soon()


def send_soon() -> None:
    """Let the background thread send the due mails, after the transaction is committed."""
    transaction.on_commit(partial(in_background, send_due))


def send_due() -> None:
    """Send the mails whose time has come.

    If the mail server can't be reached, stop, and plan another check.
    """
    with closing(mail_server()) as server:
        for notification in Notification.objects.due(timezone.now()):
            if notification.claim(timezone.now()) and not send_mail(notification, server):
                break
    check_later()


def mail_server() -> BaseEmailBackend:
    """Return a connection to the mail server. It is not open yet."""
    server: BaseEmailBackend = (
        mail.mailers.default if django.VERSION >= (6, 1) else mail.get_connection()
    )
    return server


def send_mail(notification: Notification, server: BaseEmailBackend) -> bool:
    """Try to send one mail. If this works, delete its row; if not, store the error.

    Return False if the mail server can't be reached, so that no other mail can be sent either.
    """
    try:
        message = write_mail(notification)
        if message:
            server.open()  # Django closes a connection that `send_messages` has opened
            server.send_messages([message])
    except Exception as error:
        problem = error_without_links(error)
        # Errors of the mail server and of the network are OSErrors. Others are bugs of Tokenry.
        ours = not isinstance(error, OSError)
        log.warning(
            "a mail to %s could not be sent, try %d: %s",
            notification.to,
            notification.tries,
            problem,
            exc_info=ours,
        )
        notification.fail(problem, timezone.now())
        mail_tried.send_robust(sender=None, sent=False)
        return ours or isinstance(error, ABOUT_ONE_MAIL)
    notification.as_claimed.delete()
    if message:
        mail_tried.send_robust(sender=None, sent=True)
    return True


def error_without_links(error: Exception) -> str:
    """Return the error's text. Remove links, because links are secrets and servers quote them."""
    said = str(error) or type(error).__name__
    if isinstance(error, SMTPRecipientsRefused):
        said = "; ".join(answer_in_words(*answer) for answer in error.recipients.values())
    elif isinstance(error, SMTPResponseException):
        said = answer_in_words(error.smtp_code, error.smtp_error)
    return re.sub(r"https?://\S+|\S*/accounts/\S+", "[link]", said)


def answer_in_words(code: int, text: bytes | str) -> str:
    """Return the code and the text of a mail server's answer as one line."""
    return " ".join(
        f"{code} {text.decode(errors='replace') if isinstance(text, bytes) else text}".split()
    )


def check_later() -> None:
    """If mails wait, plan to run `send_due` again in CHECK_SECONDS.

    Do nothing if such a run is planned already.
    """
    global next_check  # noqa: PLW0603
    if time.monotonic() >= next_check and Notification.objects.waiting().exists():
        next_check = time.monotonic() + CHECK_SECONDS
        timer = Timer(CHECK_SECONDS, in_background, (send_due,))
        timer.daemon = True
        timer.start()
