"""What happens when a session starts, and when it ends."""

import time
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.http import HttpRequest

STARTED_AT = "started_at"


@receiver(user_logged_in)
def remember_the_start(request: HttpRequest, **kwargs: Any) -> None:
    """A session ends for good some days after it began, however much it is used."""
    request.session[STARTED_AT] = time.time()


@receiver(post_delete, sender=UserSession)
def end_it_too(instance: UserSession, **kwargs: Any) -> None:
    """What is no longer listed, because the account is deleted for one, is over."""
    Session.objects.filter(session_key=instance.session_key).delete()
