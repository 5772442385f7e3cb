"""`manage.py rehash_report`: how many tokens need each pepper.

A pepper is a secret key for the digests of tokens. The report tells an operator when an older
pepper can be removed from TOKEN_PEPPERS.
"""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Count
from django.utils import timezone

from tokens.core.text import format_table
from tokens.models import Token
from tokens.token_settings import token_settings


class Command(BaseCommand):
    help = (
        "Say how many tokens each pepper of TOKEN_PEPPERS still verifies. When a token is used, "
        "it moves to the current pepper (TOKEN_PEPPER_CURRENT), if that has a higher number. You "
        "can remove an older pepper when every node has the same current pepper, and no token "
        "that still works needs the older pepper."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--json", action="store_true", help="print a list of objects for scripts"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the report, as a table or as JSON."""
        rows = report()
        if options["json"]:
            self.stdout.write(json.dumps(rows))
            return
        cells = [
            [str(row["pepper"]), str(row["tokens"]), str(row["usable"]), pepper_state(row)]
            for row in rows
        ]
        self.stdout.write(format_table(["pepper", "tokens", "usable now", ""], cells))


def report() -> list[dict[str, Any]]:
    """Return a row for each pepper (secret key) in TOKEN_PEPPERS, or that a token uses.

    The highest number comes first. `usable` counts the tokens that are neither revoked nor
    expired.
    """
    now = timezone.now()
    # An imported token that was never used may have no digest, so it needs no pepper.
    tokens = Token.objects.exclude(digest="").order_by()
    every = dict(tokens.values_list("pepper").annotate(Count("pk")))
    usable = dict(tokens.active(now).values_list("pepper").annotate(Count("pk")))
    return [
        {
            "pepper": number,
            "set": number in token_settings.PEPPERS,
            "current": number == token_settings.PEPPER_CURRENT,
            "tokens": every.get(number, 0),
            "usable": usable.get(number, 0),
        }
        for number in sorted({*token_settings.PEPPERS, *every}, reverse=True)
    ]


def pepper_state(row: dict[str, Any]) -> str:
    """Return in words whether the pepper (secret key) in `row` of the report is still needed."""
    if not row["set"]:
        return "missing from TOKEN_PEPPERS: its tokens get 503" if row["usable"] else "gone"
    if row["current"]:
        return "current: new tokens have it, and tokens with a lower number move to it on use"
    if row["usable"]:
        return "still needed"
    return "can go" if row["pepper"] < token_settings.PEPPER_CURRENT else "not in use yet"
