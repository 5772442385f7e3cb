"""What strangers ask for, and hear of by mail alone.

The outbox's thread does it. The request did the same work for every address, so that no answer, and no time that one
takes, tells whether an address has an account.
"""

from allauth.account.models import EmailAddress
from allauth.account.signals import user_signed_up
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts import mails
from accounts.models import User, UserManager
from accounts.outbox import queue


def send_reset(email: str) -> None:
    """Write to the owner of the account with this address how to choose a new password. Nobody else is written to."""
    for user in User.objects.filter(email=UserManager.normalize_email(email), is_active=True):
        queue(user, mails.RESET, user.email)


def sign_up(email: str, password: str, origin: HttpRequest) -> None:
    """Make an account that waits for its address to be confirmed; or tell the owner of the address, who has one.

    `password` is a hash.
    """
    email = UserManager.normalize_email(email)
    try:
        with transaction.atomic():
            user = User.objects.create(email=email, password=password)
            EmailAddress.objects.create(user=user, email=email, primary=True)
            queue(user, mails.CONFIRM_SIGN_UP, email)
    except IntegrityError:
        queue(User.objects.get(email=email), mails.EXISTS, email)
    else:
        user_signed_up.send(sender=User, request=origin, user=user)


def origin_of(request: HttpRequest) -> HttpRequest:
    """Return a request that says from where `request` came, and holds neither its form nor its session."""
    origin = HttpRequest()
    origin.META = {name: request.META[name] for name in ("REMOTE_ADDR", "HTTP_USER_AGENT") if name in request.META}
    return origin
