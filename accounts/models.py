"""The person, who signs in by e-mail, and the mails about accounts that wait to be sent."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self
from zoneinfo import available_timezones

from allauth.account.models import EmailAddress
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.passwords import normalized


class Theme(models.TextChoices):
    SYSTEM = "", "System"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


def a_known_time_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError("There is no such time zone. Names look like Europe/Berlin.")


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make an account. Without a password nobody can sign in to it until one is set."""
        if not email:
            raise ValueError("An account needs an e-mail address.")
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        user.trust_email()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make an administrator who may do everything."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """The address in lower case: nobody expects two accounts that differ by a capital letter."""
        return (email or "").strip().lower()

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=self.normalize_email(username))


class User(AbstractBaseUser, PermissionsMixin):
    """An account. `email` is its name; `is_staff` opens the admin."""

    email = models.EmailField(unique=True, error_messages={"unique": "An account with this e-mail address exists."})
    name = models.CharField(max_length=150, blank=True)
    time_zone = models.CharField(max_length=50, default="UTC", validators=[a_known_time_zone])
    theme = models.CharField(max_length=5, choices=Theme.choices, default=Theme.SYSTEM, blank=True)
    is_active = models.BooleanField(
        default=True, help_text="Switch off instead of deleting: sign-in and every token stop at once."
    )
    is_staff = models.BooleanField(default=False, help_text="May open this administration.")
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["email"]
        constraints = [
            # With `unique` above: no two accounts that differ by case, whatever way a row comes in.
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="email_in_lower_case"),
        ]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        super().clean()
        self.email = UserManager.normalize_email(self.email)

    def set_password(self, raw_password: str | None) -> None:
        """Keep the password in its normal form, whatever spelling it was typed in; None makes it unusable."""
        normal = raw_password and normalized(raw_password)
        super().set_password(normal)
        if normal != raw_password:  # allauth sets a password for unknown addresses, to take as long as `check_password`
            make_password(raw_password)

    def check_password(self, raw_password: str | None) -> bool:
        """Compare normal forms. What was set before there was one is kept as typed, and compared so."""
        normal = raw_password and normalized(raw_password)
        return super().check_password(normal) or (normal != raw_password and super().check_password(raw_password))

    def trust_email(self) -> None:
        """Have the address count as verified: whoever made the account vouches for it."""
        EmailAddress.objects.create(user=self, email=self.email, primary=True, verified=True)

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.get_full_name()


class NotificationQuerySet(models.QuerySet["Notification"]):
    def waiting(self) -> Self:
        """Return those that were not given up."""
        return self.exclude(due_at=None)

    def due(self, now: datetime) -> Self:
        """Return those to send now, the oldest first."""
        return self.filter(due_at__lte=now).select_related("user").order_by("due_at")


class Notification(models.Model):
    """A mail about an account that waits to be sent. A new one of the same kind to the same address takes its place.

    The row holds no secret: the links that the mail carries are made when the mail is written.
    """

    LEASE = timedelta(minutes=15)  # after which what a killed process was sending is sent again
    RETRIES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 480))  # waits after each failure
    MAX_PROBLEM_LENGTH = 300

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=60)  # how the names of the mail's templates begin
    to = models.EmailField()
    facts = models.JSONField(default=dict)  # what the templates say besides
    made_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now, null=True)  # None: given up
    tries = models.PositiveSmallIntegerField(default=0)
    problem = models.CharField(max_length=MAX_PROBLEM_LENGTH, blank=True)  # why the latest try failed

    objects: ClassVar[Any] = NotificationQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind", "to"], name="notification_once")]
        indexes = [models.Index(fields=["due_at"], condition=~models.Q(due_at=None), name="notification_due")]

    def __str__(self) -> str:
        return f"{self.kind} {self.user_id}"

    @property
    def as_taken(self) -> models.QuerySet["Notification"]:
        """The row, unless somebody else took or queued it since."""
        rows: models.QuerySet[Notification] = Notification.objects.filter(pk=self.pk, due_at=self.due_at)
        return rows

    def take(self, now: datetime) -> bool:
        """Return whether the mail is the caller's to send. Of several callers, one gets it."""
        lease = now + self.LEASE
        taken = self.as_taken.update(due_at=lease, tries=models.F("tries") + 1) == 1
        self.due_at, self.tries = lease, self.tries + 1
        return taken

    def fail(self, problem: str, now: datetime) -> None:
        """Keep what went wrong, and when to try again: later each time, and never after the last time."""
        again = self.RETRIES[self.tries - 1] if self.tries <= len(self.RETRIES) else None
        self.as_taken.update(due_at=again and now + again, problem=problem[: self.MAX_PROBLEM_LENGTH])
