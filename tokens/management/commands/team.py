"""`manage.py team create` and `team list`. TEAM_ACTIONS lists the subcommands."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tokens.management import teams
from tokens.management.action import Action


class Command(BaseCommand):
    help = "Make and list teams: owners of tokens that are not people."

    def add_arguments(self, parser: CommandParser) -> None:
        subparsers = parser.add_subparsers(dest="action", metavar="action", required=True)
        for name, action in TEAM_ACTIONS.items():
            subparser = subparsers.add_parser(
                name, help=action.help, description=action.help, epilog=action.epilog
            )
            action.arguments(subparser)
            subparser.add_argument("--json", action="store_true", help="print JSON, for scripts")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand and print its output."""
        printed = TEAM_ACTIONS[options["action"]].run(options)
        if printed.note:
            self.stderr.write(printed.note, str)  # str: no color, because red is for errors
        self.stdout.write(printed.out)


TEAM_ACTIONS = {
    "create": Action(
        "Make a team.",
        teams.create_team_arguments,
        teams.run_create_team,
        "Everything is made, or nothing. Managers are members too. Members see the tokens of the "
        "team on their pages.",
    ),
    "list": Action(
        "List all teams.",
        teams.list_teams_arguments,
        teams.run_list_teams,
    ),
}
