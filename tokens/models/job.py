"""When each daily command last succeeded, on any node. Each node shows these times as metrics."""

from typing import ClassVar

from django.db import models
from django.utils import timezone


class Job(models.Model):
    """The last success of a daily management command. Without a success there is no row."""

    DAILY: ClassVar[tuple[str, ...]] = ("backup", "prune", "send_expiry_reminders")

    name = models.CharField(max_length=50, primary_key=True)
    succeeded_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name

    @classmethod
    def record_success(cls, name: str) -> None:
        """Store that the command `name` has just succeeded completely."""
        cls.objects.update_or_create(pk=name, defaults={"succeeded_at": timezone.now()})

    @classmethod
    def last_successes(cls) -> dict[str, float]:
        """Return the Unix time of the last success of each daily command; 0 without a success."""
        known = dict(cls.objects.values_list("name", "succeeded_at"))
        return {name: known[name].timestamp() if name in known else 0 for name in cls.DAILY}
