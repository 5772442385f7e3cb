"""Password reset and sign-up: the work that a background thread does after the response.

NOTE: Neither the response nor its duration may reveal whether an address has an account. So a
request does the same work for every address. The thread looks for the account, and queues a mail.
"""

from allauth.account.models import EmailAddress
from allauth.account.signals import user_signed_up
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts import mails
from accounts.models import User, UserManager
from accounts.outbox import queue


def send_reset(email: str) -> None:
    """Queue a mail with a link to choose a new password, if the address has an active account."""
    people = User.objects.filter(is_active=True, can_sign_in=True)
    for user in people.filter(email=UserManager.normalize_email(email)):
        queue(user, mails.RESET, user.email)


def sign_up(email: str, password: str, origin: HttpRequest) -> None:
    """Create an account, and queue a mail to confirm its address.

    If the address has an account already, queue a mail that tells this to its owner. `password` is
    already hashed. `origin` is the request with which the person signed up.
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
    """Return a new request that has only the IP address and the user agent of `request`.

    A background thread keeps the result for some time. It must not keep the form and the session.
    """
    origin = HttpRequest()
    origin.META = {
        name: request.META[name]
        for name in ("REMOTE_ADDR", "HTTP_USER_AGENT")
        if name in request.META
    }
    return origin
