"""Signal receivers: the start and the end of a session, and the use of a second factor."""

import time
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_used
from allauth.usersessions.models import UserSession
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import encryption

STARTED_AT = "started_at"


@receiver(user_logged_in)
def store_start(request: HttpRequest, **kwargs: Any) -> None:
    """Store the time of the sign-in, because a session ends SESSION_MAX_SECONDS after it."""
    request.session[STARTED_AT] = time.time()


@receiver(post_delete, sender=UserSession)
def end_session(instance: UserSession, **kwargs: Any) -> None:
    """When a session is removed from the list of sessions, delete Django's session too.

    This also happens when an account is deleted.
    """
    Session.objects.filter(session_key=instance.session_key).delete()


@receiver(authenticator_used)
def encrypt_again(authenticator: Authenticator, **kwargs: Any) -> None:
    """When a second factor is used, encrypt its secret with the current SECRET_KEY."""
    encryption.reencrypt(authenticator)
