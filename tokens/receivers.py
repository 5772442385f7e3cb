"""What tokens do when something happens elsewhere."""

from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Q
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from tokens import usage
from tokens.models import AccountKind, Event, Token, origin


@receiver(pre_delete, sender=settings.AUTH_USER_MODEL)
def forget_person(sender: Any, instance: Any, **kwargs: Any) -> None:
    """The events of a deleted account stay for the record, without the person's addresses or device.

    Its tokens are locked first, as whoever writes their usage does: what goes with them is deleted before them.
    """
    list(Token.objects.filter(owner=instance).order_by("pk").select_for_update().values_list("pk"))
    past_the_guard = Event._base_manager  # noqa: SLF001  (the public manager refuses every change)
    past_the_guard.filter(Q(owner=instance) | Q(actor=instance)).update(address=None, user_agent="")
    past_the_guard.filter(owner=instance, identifier="").update(detail="")  # an account's may name an address


def write_down(user: AbstractBaseUser, what: str, request: HttpRequest, detail: str = "", **kwargs: Any) -> None:
    """Something happened to an account. Raises ValueError for what `AccountKind` has no words for."""
    Event.record_account(AccountKind(what), user, request, detail)


def write_down_guess(email: str, request: HttpRequest, **kwargs: Any) -> None:
    """A wrong password for `email`. The thread writes it: the time of the answer must not tell known accounts."""
    usage.recorder.guess(email, timezone.now(), origin(request))
