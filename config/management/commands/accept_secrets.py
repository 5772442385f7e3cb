"""The command that lets the server start with new secrets, if the former secrets are lost."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts.management import confirmation
from config.health import fingerprints
from tokens.models import Token


class Command(BaseCommand):
    help = (
        "Let the server start again after SECRET_KEY or a pepper is lost. Without the former "
        "SECRET_KEY everybody is signed out, links in mails end, and second factors must be "
        "removed (`manage.py rekey` names the people). Without a pepper its tokens are refused. "
        "If you know the value, set it instead: then nothing is lost."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        confirmation.add_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        lost = fingerprints.differing_names(
            fingerprints.recorded_fingerprints(), fingerprints.own_fingerprints()
        )
        if lost:
            self.stdout.write(
                "\n".join(
                    f"{fingerprints.difference_in_words(name)} {consequence(name)}"
                    for name in lost
                )
            )
            confirmation.ask("Go on without the former value?", yes=options["yes"])
        fingerprints.accept()
        self.stdout.write(
            "From now on the database is used with the secrets of this node. Other nodes need "
            "the same secrets."
        )


def consequence(name: str) -> str:
    """Return a sentence about what no longer works without the old value of the secret `name`."""
    if name == fingerprints.KEY:
        return (
            "Without that key everybody is signed out, links in mails no longer work, and no "
            "code of a second factor works."
        )
    tokens = (
        Token.objects.active().filter(pepper=int(name.removeprefix(fingerprints.PEPPER))).count()
    )
    return f"Without that value {tokens} working tokens are refused."
