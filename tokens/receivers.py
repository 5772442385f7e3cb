"""What tokens do when something happens elsewhere."""

from typing import Any

from django.conf import settings
from django.db.models import Q
from django.db.models.signals import pre_delete
from django.dispatch import receiver

from tokens.models import Event


@receiver(pre_delete, sender=settings.AUTH_USER_MODEL)
def forget_person(sender: Any, instance: Any, **kwargs: Any) -> None:
    """The events of a deleted account stay for the record, without the person's address or device."""
    past_the_guard = Event._base_manager  # noqa: SLF001  (the public manager refuses every change)
    past_the_guard.filter(Q(owner=instance) | Q(actor=instance)).update(address=None, user_agent="")
