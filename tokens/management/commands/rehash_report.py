"""How many digests are still by an older pepper, so that an operator knows when it can go."""

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db.models import Count
from django.utils import timezone

from tokens.models import Token
from tokens.plain import table


class Command(BaseCommand):
    help = (
        "Say how many tokens each pepper of TOKEN_PEPPERS still verifies. A token moves to the newest one when it is "
        "used. An older pepper can go when no token that could still be used needs it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print a list of objects for scripts")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = report()
        if options["json"]:
            self.stdout.write(json.dumps(rows))
            return
        head = ["pepper", "tokens", "usable now", ""]
        self.stdout.write(
            table(head, [[str(row["pepper"]), str(row["tokens"]), str(row["usable"]), verdict(row)] for row in rows])
        )


def report() -> list[dict[str, Any]]:
    """Each pepper that is set or that a token needs, the newest first: tokens by it, and those of them usable now."""
    now = timezone.now()
    every = dict(Token.objects.order_by().values_list("pepper").annotate(Count("pk")))
    usable = dict(Token.objects.active(now).order_by().values_list("pepper").annotate(Count("pk")))
    newest = max(settings.TOKEN_PEPPERS)
    return [
        {
            "pepper": number,
            "set": number in settings.TOKEN_PEPPERS,
            "newest": number == newest,
            "tokens": every.get(number, 0),
            "usable": usable.get(number, 0),
        }
        for number in sorted({*settings.TOKEN_PEPPERS, *every}, reverse=True)
    ]


def verdict(row: dict[str, Any]) -> str:
    if not row["set"]:
        return "missing from TOKEN_PEPPERS: its tokens are refused" if row["usable"] else "gone"
    if row["newest"]:
        return "the newest: new and used tokens have it"
    return "still needed" if row["usable"] else "can go"
