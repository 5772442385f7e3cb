"""The outbox: a row for each e-mail to the owner of a token, written before the e-mail is sent.

Also here: which e-mails each person wants, and from which addresses each token was used.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import Q
from django.utils import timezone

from tokens.notifications.reminders import Reminder

if TYPE_CHECKING:
    from tokens.models.token import Token

# A sender claims a notification before it sends the e-mail, so that no other sender does the same.
# A claim ends after this time, because the sender may have been killed.
CLAIM_TIMEOUT = timedelta(minutes=15)
MAX_ADDRESSES = 50  # known addresses of a token; the oldest are deleted


def is_claimed(now: datetime) -> Q:
    """Return the condition that a sender has claimed (reserved) a notification.

    A claim ends after CLAIM_TIMEOUT. A claim with a time in the far future, from a wrong clock,
    does not count.
    """
    return Q(claimed_at__gt=now - CLAIM_TIMEOUT, claimed_at__lte=now + CLAIM_TIMEOUT)


class OutboxQuerySet(models.QuerySet["Notification"]):
    """Queries for notifications, and how a sender claims them: reserves them for itself.

    NOTE: A sender claims rows, sends the e-mails without a lock, and marks the rows as sent. A
    lock during the sending would make other transactions wait for a mail server.
    """

    def reminders(self) -> Self:
        """Return the reminders: notifications that a token expires or has expired."""
        return self.filter(kind__in=list(Reminder))

    def event_mails(self) -> Self:
        """Return the notifications about something that happened to a token."""
        return self.exclude(kind__in=list(Reminder))

    def to_active_accounts(self) -> Self:
        """Return the notifications to accounts that are switched on."""
        to_owner = Q(account=None, token__owner__is_active=True)
        return self.filter(to_owner | Q(account__is_active=True))

    def waiting(self, now: datetime) -> Self:
        """Return the notifications that are not sent, and that no sender has claimed."""
        return self.filter(Q(claimed_at=None) | ~is_claimed(now), sent_at=None)

    def claim_reminders(
        self, wanted: Iterable[tuple[Token, Reminder]], now: datetime
    ) -> list[Notification]:
        """Claim the `wanted` reminders for the caller. Return those that were not sent yet.

        A reminder without a row gets a row. The caller must have locked the owners of the
        tokens, so that no other sender claims the same reminders.
        """
        tokens = {(token.pk, str(kind)): token for token, kind in wanted}
        # A reminder has a row already if its e-mail failed before.
        new = [
            self.model(token=token, kind=kind, claimed_at=now)
            for (_, kind), token in tokens.items()
        ]
        self.bulk_create(new, ignore_conflicts=True)
        unsent = self.reminders().filter(token__in=[pk for pk, _ in tokens], sent_at=None)
        claimed = [
            notification
            for notification in unsent
            if (notification.token_id, notification.kind) in tokens
        ]
        self.filter(pk__in=[notification.pk for notification in claimed]).update(claimed_at=now)
        for notification in claimed:
            notification.token = tokens[notification.token_id, notification.kind]
        return claimed

    def claim(self, wanted: Iterable[Notification], now: datetime) -> list[Notification]:
        """Claim those of `wanted` that nobody has sent or claimed, and return them.

        A claim reserves a notification for the caller. If several callers want the same
        notification, only one of them gets it.
        """
        return [
            notification
            for notification in wanted
            if self.waiting(now).filter(pk=notification.pk).update(claimed_at=now)
        ]


class Notification(models.Model):
    """An e-mail to the owner of a token. The row exists before the e-mail is sent.

    So the e-mail is sent even after a crash, and only once. The owner can get a second e-mail
    only if a process is killed while it sends.
    """

    class Kind(models.TextChoices):
        """What the e-mail is about. The first four are reminders."""

        EXPIRES_30 = Reminder.MONTH.value, "Expires in a month"
        EXPIRES_7 = Reminder.WEEK.value, "Expires in a week"
        EXPIRES_1 = Reminder.DAY.value, "Expires tomorrow"
        EXPIRED = Reminder.EXPIRED.value, "Expired"
        CREATED = "created", "Created"
        IMPORTED = "imported", "Imported"
        RENEWED = "renewed", "Renewed"
        REVOKED = "revoked", "Revoked by somebody else"
        USED_REVOKED = "used_revoked", "Used after it was revoked"
        NEW_ADDRESS = "new_address", "Used from a new address"
        OFFERED = "offered", "Offered by somebody"
        HANDED_OVER = "handed_over", "Handed over"
        RECEIVED = "received", "Received"
        BROKEN_POLICY = "broken_policy", "Breaks a policy"
        SCOPE_DECIDED = "scope_decided", "Scope approved or declined"

    MAX_PROBLEM_LENGTH = 300
    MAX_DETAIL_LENGTH = 100

    token = models.ForeignKey(
        "tokens.Token", on_delete=models.CASCADE, related_name="notifications"
    )
    kind = models.CharField(max_length=20, choices=Kind.choices)
    detail = models.CharField(max_length=MAX_DETAIL_LENGTH, blank=True, default="")
    # To whom, if not to the owner of the token.
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+",
        db_index=False,
    )  # fmt: skip
    made_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    # Why the latest attempt failed.
    problem = models.CharField(
        max_length=MAX_PROBLEM_LENGTH, blank=True, default="", db_default=""
    )

    objects = OutboxQuerySet.as_manager()

    class Meta:
        db_table = "tokens_notice"  # the former name of the model
        constraints = [
            models.UniqueConstraint(
                fields=["token", "kind"], condition=~Q(kind="new_address"), name="notice_once"
            ),
            models.UniqueConstraint(
                fields=["token", "detail"],
                condition=Q(kind="new_address"),
                name="notice_once_each_address",
            ),
        ]
        indexes = [
            models.Index(fields=["made_at"], condition=Q(sent_at=None), name="notice_waiting"),
            # For `prune`, and for the search of e-mails that were sent recently.
            models.Index(fields=["made_at"], name="notice_made"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.token_id}"

    @property
    def receiver(self) -> AbstractBaseUser:
        """Return the account to which the e-mail goes."""
        return self.account or self.token.owner


class MailChoices(models.Model):
    """Which e-mails about tokens a person wants, of those that can be switched off.

    A person without a row has the defaults.
    """

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="token_mails",
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
        """Return the choices of a person; the defaults if the person has chosen nothing."""
        return cls.objects.filter(pk=owner_pk).first() or cls(pk=owner_pk)

    @classmethod
    def chosen(cls, user: AbstractBaseUser) -> list[str]:
        """Return the names of the options that `user` wants."""
        choices = cls.of(user.pk)
        return [name for name in cls.OPTIONS if getattr(choices, name)]

    @classmethod
    def choose(cls, user: AbstractBaseUser, names: list[str]) -> None:
        """Store the choices of `user`: the options `names` are on, all others are off."""
        cls.objects.update_or_create(
            pk=user.pk, defaults={name: name in names for name in cls.OPTIONS}
        )


class KnownAddress(models.Model):
    """An address from which a token was used. For IPv6 this is the whole /64 network."""

    token = models.ForeignKey(
        "tokens.Token", on_delete=models.CASCADE, related_name="known_addresses"
    )
    address = models.CharField(max_length=45)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["token", "address"], name="known_address_once")
        ]

    def __str__(self) -> str:
        return self.address

    @classmethod
    def is_new(cls, token_pk: int, address: str) -> bool:
        """Store that a token was used from `address`. Return True if this address is new.

        It is new if the token was used before, but never from this address.
        """
        known = cls.objects.filter(token_id=token_pk)
        _, new = cls.objects.update_or_create(
            token_id=token_pk, address=address, defaults={"seen_at": timezone.now()}
        )
        if not new:
            return False
        oldest = known.order_by("-seen_at", "-pk").values_list("pk", flat=True)[MAX_ADDRESSES:]
        known.filter(pk__in=list(oldest)).delete()
        return known.exclude(address=address).exists()
