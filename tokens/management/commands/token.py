"""`manage.py token create`, `token renew` and so on. ACTIONS lists the subcommands."""

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from tokens.core.redaction import redact
from tokens.management import inventory, issue, revoke, transfer
from tokens.management.action import Action
from tokens.management.changing_command import ChangingCommand
from tokens.management.importing.action import import_arguments, run_import


class RedactingParser(CommandParser):
    """An argument parser whose errors hide the secret of a token.

    People may paste a token in place of another argument.
    """

    def error(self, message: str) -> Any:
        """Exit with `message`, in which the secrets of tokens are masked."""
        return super().error(redact(message))


class Command(ChangingCommand):
    help = (
        "Create, import, renew, revoke, hand over, list and show tokens. The value of a token is "
        "printed once, when the token is made, and stored nowhere."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        # Django makes the parser, and has no setting for its class. Subparsers get the class too.
        parser.__class__ = RedactingParser
        subparsers = parser.add_subparsers(dest="action", metavar="action", required=True)
        for name, action in ACTIONS.items():
            subparser = subparsers.add_parser(
                name, help=action.help, description=action.help, epilog=action.epilog
            )
            action.arguments(subparser)
            subparser.add_argument("--json", action="store_true", help="print JSON, for scripts")

    def may_change(self, options: dict[str, Any]) -> bool:
        """Return True for subcommands that change existing tokens."""
        changes = options["action"] in {"renew", "revoke", "transfer"}
        return changes and super().may_change(options)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand and print its output. Errors contain no secret of a token."""
        makes = options["action"] in {"create", "renew"}
        if makes and sys.stdout is None:  # as in a shell with >&-
            raise CommandError(
                "Standard output is closed, where the value would go. No token is made."
            )
        try:
            printed = ACTIONS[options["action"]].run(options)
        except CommandError as error:
            raise CommandError(redact(str(error))) from None
        except UnicodeEncodeError:
            raise CommandError("What was typed is not all valid UTF-8.") from None
        if self.may_change(options):
            self.wait()
        if printed.note:
            self.stderr.write(printed.note, str)  # str: no color, because red is for errors
        try:
            self.stdout.write(printed.out)
            self.stdout.flush()
        except OSError as error:
            lost = " The value is lost: revoke the token." if makes else ""
            raise CommandError(
                f"Standard output can't be written: {error.strerror}.{lost}"
            ) from None
        if printed.error:
            raise CommandError(printed.error)


ACTIONS = {
    "create": Action(
        "Create a token.",
        issue.create_arguments,
        issue.run_create,
        "Standard output is only the value, so that TOKEN=$(manage.py token create ...) works. "
        "With --json the value is the key “token”.",
    ),
    "import": Action(
        "Import tokens that another program made: they work here with their old values.",
        import_arguments,
        run_import,
        "The whole source is checked first. Tokens with a problem are left out and named, the "
        "others are imported, and the exit status is 1. Run the command again when the problems "
        "are solved: nothing is imported twice.",
    ),
    "renew": Action(
        "Renew a token: make a new token with the same settings and another expiry. The old "
        "token still works for a while.",
        issue.renew_arguments,
        issue.run_renew,
        "Standard output is only the new value. With --json the value is the key “token”.",
    ),
    "revoke": Action(
        "Revoke tokens: requests with them fail from then on, for good.",
        revoke.revoke_arguments,
        revoke.run_revoke,
        "To revoke a token again changes nothing, and is no error. If one of several tokens is "
        "not found, none is revoked.",
    ),
    "transfer": Action(
        "Hand tokens over to a team or a person, with the values unchanged.",
        transfer.transfer_arguments,
        transfer.run_transfer,
        "The new owner is not asked, and gets a mail. Predecessors, successors and tokens that "
        "programs made move with their token.",
    ),
    "list": Action(
        "List tokens: everybody's, one person's or one team's.",
        inventory.list_arguments,
        inventory.run_list,
    ),
    "show": Action("Show one token.", inventory.show_arguments, inventory.run_show),
}
