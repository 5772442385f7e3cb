"""What people are told by e-mail about a token, what they want to be told, and from where it was used before."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import Q
from django.utils import timezone

from tokens.reminders import Reminder

LEASE = timedelta(minutes=15)  # a sender that took a notice and died gives it back after this
MOST_ADDRESSES = 50  # known for each token; the oldest are forgotten


class NoticeQuerySet(models.QuerySet["Notice"]):
    def reminders(self) -> Self:
        return self.filter(kind__in=list(Reminder))

    def news(self) -> Self:
        return self.exclude(kind__in=list(Reminder))

    def waiting(self, now: datetime) -> Self:
        """Those not sent, and in nobody's hands."""
        return self.filter(Q(claimed_at=None) | Q(claimed_at__lte=now - LEASE), sent_at=None)

    def take(self, wanted: Iterable[Notice], now: datetime) -> list[Notice]:
        """Those of `wanted` that are the caller's now to send: of several callers at once, each gets different ones."""
        return [notice for notice in wanted if self.waiting(now).filter(pk=notice.pk).update(claimed_at=now)]


class Notice(models.Model):
    """Something to tell the owner of a token. The row is there before the mail, so that it is sent, and sent once."""

    class Kind(models.TextChoices):
        EXPIRES_30 = Reminder.MONTH.value, "Expires in a month"
        EXPIRES_7 = Reminder.WEEK.value, "Expires in a week"
        EXPIRES_1 = Reminder.DAY.value, "Expires tomorrow"
        EXPIRED = Reminder.EXPIRED.value, "Expired"
        CREATED = "created", "Created"
        RENEWED = "renewed", "Renewed"
        REVOKED = "revoked", "Revoked by somebody else"
        USED_REVOKED = "used_revoked", "Used after it was revoked"
        NEW_ADDRESS = "new_address", "Used from a new address"

    token = models.ForeignKey("tokens.Token", on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    detail = models.CharField(max_length=100, blank=True, default="")
    made_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["token", "kind"], condition=~Q(kind="new_address"), name="notice_once"),
            models.UniqueConstraint(
                fields=["token", "detail"], condition=Q(kind="new_address"), name="notice_once_each_address"
            ),
        ]
        indexes = [
            models.Index(fields=["made_at"], condition=Q(sent_at=None), name="notice_waiting"),
            models.Index(fields=["made_at"], name="notice_made"),  # prune, and what was told lately
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.token_id}"


class MailChoices(models.Model):
    """Which mails about tokens a person wants, beside those that nobody can switch off. No row: the defaults."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="token_mails"
    )
    reminders = models.BooleanField(default=True)
    renewals = models.BooleanField(default=True)
    new_addresses = models.BooleanField(default=False)

    OPTIONS = {
        "reminders": "Before a token expires, and when it has",
        "renewals": "When a token is renewed",
        "new_addresses": "When a token is used from a new address",
    }

    def __str__(self) -> str:
        return f"Mails to {self.owner_id}"

    @classmethod
    def of(cls, owner_pk: int) -> MailChoices:
        return cls.objects.filter(pk=owner_pk).first() or cls(pk=owner_pk)

    @classmethod
    def chosen(cls, user: AbstractBaseUser) -> list[str]:
        """The names of the mails that `user` wants."""
        choices = cls.of(user.pk)
        return [name for name in cls.OPTIONS if getattr(choices, name)]

    @classmethod
    def choose(cls, user: AbstractBaseUser, names: list[str]) -> None:
        """Have `user` get these mails, and none of the others."""
        cls.objects.update_or_create(pk=user.pk, defaults={name: name in names for name in cls.OPTIONS})


class KnownAddress(models.Model):
    """An address that a token was used from; an IPv6 /64 counts as one."""

    token = models.ForeignKey("tokens.Token", on_delete=models.CASCADE, related_name="known_addresses")
    address = models.CharField(max_length=45)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "address"], name="known_address_once")]

    def __str__(self) -> str:
        return self.address

    @classmethod
    def is_new(cls, token_pk: int, address: str) -> bool:
        """Remember the address. True when the token was used from others before, and never from this one."""
        known = cls.objects.filter(token_id=token_pk)
        _, new = cls.objects.update_or_create(token_id=token_pk, address=address, defaults={"seen_at": timezone.now()})
        if not new:
            return False
        oldest = known.order_by("-seen_at", "-pk").values_list("pk", flat=True)[MOST_ADDRESSES:]
        known.filter(pk__in=list(oldest)).delete()
        return known.exclude(address=address).exists()
