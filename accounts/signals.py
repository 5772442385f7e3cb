"""What happens when somebody signs in."""

import time
from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

STARTED_AT = "started_at"


@receiver(user_logged_in)
def remember_the_start(request: HttpRequest, **kwargs: Any) -> None:
    """A session ends for good some days after it began, however much it is used."""
    request.session[STARTED_AT] = time.time()
