"""The command about this installation of Tokenry: `manage.py tokenry version`."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config.version import COMMIT, VERSION


class Command(BaseCommand):
    help = "Tell about this installation of Tokenry."
    requires_system_checks = ()  # an installation with an error in its settings has a version too

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        version = actions.add_parser("version", help="Print the version.")
        version.add_argument("--json", action="store_true", help="Print JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["json"]:
            self.stdout.write(json.dumps({"version": VERSION, "commit": COMMIT}))
        else:
            self.stdout.write(f"Tokenry {VERSION}")
