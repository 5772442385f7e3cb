"""The command that creates the first administrator, once, and prints the password."""

import secrets
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError

from accounts.models import User
from accounts.name_rules import is_team_address


class Command(BaseCommand):
    help = (
        "If there is no administrator, create one with a random password, and print the email "
        "address and the password once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--email", default="admin@example.com", help="the email address to sign in with"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.filter(is_superuser=True).exists():
            return
        if is_team_address(options["email"]):
            raise CommandError(f"{options['email']} is an address of a team. Use another --email.")
        password = secrets.token_urlsafe(15)
        try:
            user = User.objects.create_superuser(options["email"], password)
        except IntegrityError:  # another process has just created the account
            return
        self.stdout.write(
            "\nThe first administrator is ready. The password is shown only once.\n\n"
            f"  Email:    {user.email}\n  Password: {password}\n"
            f"  Sign in:  {settings.SITE_URL}/\n\n"
            "To set another password later, run: "
            f"{python_command()} manage.py changepassword {user.email}\n\n"
        )
        self.stdout.flush()


def python_command() -> str:
    """Return the command for this Python: a path below the present folder, or `python`."""
    program = Path(sys.executable)
    return str(program.relative_to(Path.cwd())) if program.is_relative_to(Path.cwd()) else "python"
