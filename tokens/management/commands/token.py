"""Tokens from the command line: `manage.py token create`, `renew` and so on. Another is one more line in ACTIONS."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tokens.management import inventory, life
from tokens.management.action import Action
from tokens.redaction import redact


class CarefulParser(CommandParser):
    """Repeats no token that was pasted in the wrong place."""

    def error(self, message: str) -> Any:
        return super().error(redact(message))


class Command(BaseCommand):
    help = "Create, renew, revoke, list and show tokens. A value is printed once, when it is made, and kept nowhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.__class__ = CarefulParser  # Django makes it, and takes no class for it; subparsers are of the same one
        chosen = parser.add_subparsers(dest="action", metavar="action", required=True)
        for name, action in ACTIONS.items():
            subparser = chosen.add_parser(name, help=action.help, description=action.help, epilog=action.epilog)
            action.arguments(subparser)
            subparser.add_argument("--json", action="store_true", help="print JSON, for scripts")

    def handle(self, *args: Any, **options: Any) -> None:
        makes = options["action"] in {"create", "renew"}
        if makes and sys.stdout is None:  # as in a shell with >&-
            raise CommandError("Standard output is closed, where the value would go. No token is made.")
        try:
            printed = ACTIONS[options["action"]].run(options)
        except CommandError as wrong:
            raise CommandError(redact(str(wrong))) from None
        except UnicodeEncodeError:
            raise CommandError("What was typed is not all valid UTF-8.") from None
        if printed.note:
            self.stderr.write(printed.note, str)  # as it is: red is for errors
        try:
            self.stdout.write(printed.out)
            self.stdout.flush()
        except OSError as fault:
            lost = " The value is lost: revoke the token." if makes else ""
            raise CommandError(f"Standard output can't be written: {fault.strerror}.{lost}") from None


ACTIONS = {
    "create": Action(
        "Create a token.",
        life.create_arguments,
        life.create_token,
        "The value alone goes to standard output, so that TOKEN=$(manage.py token create ...) works; with --json it is "
        "the key “token”.",
    ),
    "renew": Action(
        "Renew a token: make a new one, the same but for its expiry, beside which the old one works for a while.",
        life.renew_arguments,
        life.renew_token,
        "The new value alone goes to standard output; with --json it is the key “token”.",
    ),
    "revoke": Action(
        "Revoke tokens: requests with them fail from then on, for good.",
        life.revoke_arguments,
        life.revoke_tokens,
        "Revoking one again changes nothing, and is no error. If one of several is not found, none is revoked.",
    ),
    "list": Action("List tokens, everybody's or one person's.", inventory.list_arguments, inventory.list_tokens),
    "show": Action("Show one token.", inventory.show_arguments, inventory.show_token),
}
