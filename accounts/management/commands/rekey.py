"""The command that encrypts and signs stored data again, with the current SECRET_KEY.

Afterwards the operator can remove the older key from SECRET_KEY_FALLBACKS.
"""

from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.contrib.sessions.models import Session
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import encryption, sessions


class Command(BaseCommand):
    help = (
        "Encrypt second factors and sign sessions with the current SECRET_KEY, where a key of "
        "SECRET_KEY_FALLBACKS was used. Run this when all servers have the new SECRET_KEY; the "
        "servers may run meanwhile. A second run shows what is left."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        factors, lost = reencrypt_factors()
        live = Session.objects.filter(expire_date__gt=timezone.now())
        signed = sum(map(sessions.sign_again, live.iterator(500)))
        self.stdout.write(
            f"Moved to the current SECRET_KEY: second factors {factors}, sessions {signed}."
        )
        if lost:
            self.stdout.write("\n".join(lost))
            raise CommandError(
                "Neither SECRET_KEY nor a key in SECRET_KEY_FALLBACKS decrypts the second factors "
                f"of these accounts ({len(lost)}). Add the right key to SECRET_KEY_FALLBACKS. If "
                "that key is lost, `manage.py reset_second_factor EMAIL` removes the second "
                "factors."
            )


def reencrypt_factors() -> tuple[int, list[str]]:
    """Encrypt the secrets of all second factors again, with the current SECRET_KEY.

    Return how many second factors were changed, and the e-mail addresses of people whose secrets
    no key decrypts.
    """
    changed, lost = 0, set()
    for factor in Authenticator.objects.select_related("user").iterator(500):
        try:
            changed += encryption.reencrypt(factor)
        except InvalidToken:
            lost.add(factor.user.email)
    return changed, sorted(lost)
