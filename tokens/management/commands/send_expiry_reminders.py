"""`manage.py send_expiry_reminders`: send e-mails about tokens that expire soon or have expired.

Run the command once a day or more often, on one node or on all nodes.
"""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.template.defaultfilters import pluralize
from django.utils import timezone

from tokens.core.text import one_line
from tokens.management.changing_command import ChangingCommand
from tokens.models import Job, Token, owner_name
from tokens.notifications import outbox
from tokens.notifications.approval_mails import send_approval_mails
from tokens.notifications.recipients import recipients_of
from tokens.notifications.sending import MailResult


class Command(ChangingCommand):
    help = (
        "Send an email to the owners of tokens that expire in 30, 7 or 1 days or have expired. "
        "Each reminder is sent once, and each owner gets one email a day. Other emails about "
        "tokens that could not be sent before are tried again. Exits with 1 if an email failed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="say what would be sent, and send and change nothing",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Send all e-mails that are due, and print a line for each notification."""
        now = timezone.now()
        if options["dry_run"]:
            self.preview(now)
            return
        if getattr(settings, "MAILS_ARE_PRINTED", False):
            raise CommandError(
                "EMAIL_URL is not set here, so mails would only be printed, and count as sent. "
                "Give this command the settings of the server, in .env for instance; --dry-run "
                "says what is due."
            )
        outbox.announce_expired(now)
        failed = sent = 0
        for send in (outbox.send_reminders, outbox.send_event_mails):
            for result in send(now):
                self.report(result)
                failed += bool(result.problem)
                sent += bool(result.email and not result.problem)
        sent += send_approval_mails(now)
        self.stdout.write(f"{count_mails(sent)} sent.")
        if failed:
            left = count_mails(len(outbox.due_by_owner(now)))
            raise CommandError(
                f"{count_mails(failed)} could not be sent. "
                f"The next run tries again: {left} with reminders."
            )
        Job.record_success("send_expiry_reminders")

    def preview(self, now: datetime) -> None:
        """Print the reminders that are due, and send none."""
        due = outbox.due_by_owner(now)
        for reminders in due.values():
            for token, reminder in reminders:
                name = one_line(token.name)
                self.stdout.write(f"{owner_name(token)}: {reminder}, {token.identifier}, {name}")
        recipients = (recipients_of(reminders[0][0]) for reminders in due.values())
        mails = sum(bool(each.addresses and not each.only_security) for each in recipients)
        self.stdout.write(f"{count_mails(mails)} would be sent.")

    def report(self, result: MailResult) -> None:
        """Print a line for each notification in the e-mail, and the error if the e-mail failed."""
        end = ": not sent" if result.problem else "" if result.email else why_nobody(result)
        for notification in result.notifications:
            token = notification.token
            name = one_line(token.name)
            who = result.email or owner_name(token)
            self.stdout.write(f"{who}: {notification.kind}, {token.identifier}, {name}{end}")
        if result.problem:
            self.stderr.write(f"{result.email}: {one_line(result.problem, 200)}")


def why_nobody(result: MailResult) -> str:
    """Return in words why nobody gets the e-mail of `result`."""
    token: Token = result.notifications[0].token
    return ": nobody in the team gets it" if token.team_id else ": no e-mail address"


def count_mails(count: int) -> str:
    """Return “1 mail” or “2 mails”."""
    return f"{count} mail{pluralize(count)}"
