"""The question that a command asks before it does something that can't be undone."""

import sys
from argparse import ArgumentParser

from django.core.management.base import CommandError


def add_argument(parser: ArgumentParser) -> None:
    """Add the option --yes, with which a command does not ask."""
    parser.add_argument("--yes", action="store_true", help="do not ask")


def ask(question: str, *, yes: bool) -> None:
    """Ask at the terminal, unless `yes` is True.

    Raise CommandError if the answer is not "yes", or if there is no terminal.
    """
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise CommandError(
            "This command asks on a terminal, and this is no terminal: add --yes. Nothing was "
            "changed."
        )
    try:
        answer = input(f"{question} Type yes to go on: ")
    except EOFError:  # Ctrl-D
        answer = ""
    if answer.strip().lower() != "yes":
        raise CommandError("Nothing was changed.")
