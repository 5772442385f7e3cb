"""The command that removes the second factors of a person who has lost them."""

from argparse import ArgumentParser
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_removed
from allauth.usersessions.models import UserSession
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import mails
from accounts.audit_signals import FACTORS, send_event
from accounts.management import confirmation
from accounts.models import User
from accounts.outbox import queue
from tokens.core.devices import device


class Command(BaseCommand):
    help = (
        "Remove the authenticator app, recovery codes, passkeys and security keys of a person, "
        "end their sessions, and tell them by mail. First make sure who asks for this: afterwards "
        "the password alone signs in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="the email address with which the person signs in")
        confirmation.add_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=User.objects.normalize_email(options["email"])).first()
        if user is None or not user.can_sign_in:
            raise CommandError(
                f"No account has the address {options['email']}. Nothing was changed."
            )
        removed = factors_in_words(user)
        if not removed:
            raise CommandError(f"{user.email} has no second factor. Nothing was changed.")
        confirmation.ask(
            f"Remove from {user.email}: {removed}, and end all sessions?", yes=options["yes"]
        )
        reset(user, removed)
        self.stdout.write(
            f"Removed from {user.email}: {removed}. All sessions have ended, and a mail is on its "
            "way."
        )


def factors_in_words(user: User) -> str:
    """Return the kinds of a person's second factors, such as "passkey or security key"."""
    kinds = Authenticator.objects.filter(user=user).values_list("type", flat=True)
    return ", ".join(sorted({FACTORS[Authenticator.Type(kind)].lower() for kind in kinds}))


def reset(user: User, removed: str) -> None:
    """Remove all second factors of `user`, end all sessions, send events, and queue a mail.

    `removed` names the second factors, for the text of the mail.
    """
    with transaction.atomic():
        for factor in Authenticator.objects.select_for_update().filter(user=user).order_by("pk"):
            factor.delete()
            authenticator_removed.send(
                sender=Authenticator, request=None, user=user, authenticator=factor
            )
        for session in UserSession.objects.filter(user=user):
            session.end()
            send_event(user, "session_ended", None, f"{device(session.user_agent)}, {session.ip}")
        queue(user, mails.FACTORS_RESET, user.email, {"removed": removed})
