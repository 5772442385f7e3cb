"""Remind people of tokens that expire. Run it once a day or more often, on one node or on all."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize
from django.utils import timezone

from tokens import outbox
from tokens.outbox import Sent
from tokens.plain import one_line


class Command(BaseCommand):
    help = (
        "Mail to the owners of tokens that expire in 30, 7 or 1 days or have expired: once for each reminder, one mail "
        "for each owner and day. News that could not be sent before are tried again. Exits with 1 if a mail failed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be sent, and send and change nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        if options["dry_run"]:
            self.preview(now)
            return
        if settings.MAILS_ARE_PRINTED:
            raise CommandError(
                "EMAIL_URL is not set here, so mails would only be printed, and count as sent. Give this command the "
                "settings of the server, in .env for instance; --dry-run says what is due."
            )
        outbox.announce_expired(now)
        sent = [*outbox.send_reminders(now), *outbox.send_news(now)]
        for each in sent:
            self.report(each)
        failed = sum(bool(each.fault) for each in sent)
        self.stdout.write(f"{counted(len(sent) - failed)} sent.")
        if failed:
            raise CommandError(f"{counted(failed)} could not be sent, and will be tried again at the next run.")

    def preview(self, now: datetime) -> None:
        owed = outbox.owners_owed(now)
        for reminders in owed.values():
            for token, reminder in reminders:
                self.stdout.write(f"{token.owner}: {reminder}, {token.identifier}, {one_line(token.name)}")
        self.stdout.write(f"{counted(len(owed))} would be sent.")

    def report(self, sent: Sent) -> None:
        """A line for each notice, or why there is none."""
        for notice in sent.notices:
            line = f"{sent.email}: {notice.kind}, {notice.token.identifier}, {one_line(notice.token.name)}"
            self.stdout.write(f"{line}: not sent" if sent.fault else line)
        if sent.fault:
            self.stderr.write(f"{sent.email}: {one_line(sent.fault, 200)}")


def counted(mails: int) -> str:
    return f"{mails} mail{pluralize(mails)}"
