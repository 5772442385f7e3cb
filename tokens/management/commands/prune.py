"""`manage.py prune`: delete rows that are older than the settings allow."""

from argparse import ArgumentParser
from typing import Any

from tokens.management.changing_command import ChangingCommand
from tokens.models import Job
from tokens.usage.retention import RULES


class Command(ChangingCommand):
    help = (
        "Delete tokens that ended, and notifications, older than TOKEN_RETENTION_DAYS; events and "
        "usage older than EVENT_, REQUEST_, HOUR_ and DAY_RETENTION_DAYS; and sessions and "
        "idempotency keys that ended a day ago. Rows are deleted in small batches. Run this daily."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="count the rows and delete nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete the old rows of each kind, or count them with --dry-run. Print each number."""
        for rule in RULES:
            count = rule.old_rows.count() if options["dry_run"] else rule.prune()
            verb = "would be deleted" if options["dry_run"] else "deleted"
            self.stdout.write(f"{count} {rule.name} older than {rule.days} days {verb}.")
        if not options["dry_run"]:
            Job.record_success("prune")
