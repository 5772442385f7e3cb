"""Delete what is older than the settings keep it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from tokens.retention import RULES


class Command(BaseCommand):
    help = (
        "Delete tokens that ended, and notices, older than TOKEN_RETENTION_DAYS, events and usage older than EVENT_, "
        "REQUEST_, HOUR_ and DAY_RETENTION_DAYS, and sessions and idempotency keys that ended a day ago; a few at a "
        "time. Run it daily."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say how many it would be, and delete none")

    def handle(self, *args: Any, **options: Any) -> None:
        for rule in RULES:
            count = rule.old.count() if options["dry_run"] else rule.prune()
            verb = "would be deleted" if options["dry_run"] else "deleted"
            self.stdout.write(f"{count} {rule.name} older than {rule.days} days {verb}.")
