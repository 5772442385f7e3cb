"""The account of a person, and the mails about accounts that wait to be sent."""

from datetime import datetime, timedelta
from functools import cache
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

from accounts.name_rules import must_be_of_a_person
from accounts.passwords import normalized


class Theme(models.TextChoices):
    """The colours of the pages. SYSTEM means: the same as the person's operating system."""

    SYSTEM = "", "System"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


known_time_zones = cache(available_timezones)  # reading the names takes long


def zone_label(name: str) -> str:
    """Return the name of a time zone as people write it: “America/New York”."""
    return name.replace("_", " ")


def short_zone_label(name: str) -> str:
    """Return the place in the name of a time zone: “New York”."""
    return zone_label(name.rpartition("/")[2])


def a_known_time_zone(name: str) -> None:
    """Raise ValidationError if there is no time zone with this name."""
    if name not in known_time_zones():
        raise ValidationError("There is no such time zone. Names look like Europe/Berlin.")


class UserManager(BaseUserManager["User"]):
    """The manager of accounts. An account has an e-mail address and no user name."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create an account whose e-mail address counts as verified.

        If `password` is None, nobody can sign in until a password is set.
        """
        if not email:
            raise ValueError("An account needs an email address.")
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        user.trust_email()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create an administrator with all permissions."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """Return the address in lower case and without blanks around it. Return "" for None.

        All addresses are stored in this form, so that no two accounts differ only by a capital
        letter.
        """
        return (email or "").strip().lower()

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=self.normalize_email(username))


class User(AbstractBaseUser, PermissionsMixin):
    """An account. `email` is the name to sign in with; `is_staff` gives access to Django admin."""

    email = models.EmailField(
        unique=True, error_messages={"unique": "An account with this email address exists."}
    )
    name = models.CharField(max_length=150, blank=True)
    time_zone = models.CharField(max_length=50, default="UTC", validators=[a_known_time_zone])
    theme = models.CharField(max_length=5, choices=Theme.choices, default=Theme.SYSTEM, blank=True)
    keyboard_shortcuts = models.BooleanField(default=True, db_default=True)
    is_active = models.BooleanField(
        default=True,
        help_text="Switch off instead of deleting: sign-in and every token stop at once.",
    )
    # False for the account of a team, which owns tokens and belongs to no person.
    can_sign_in = models.BooleanField(default=True, db_default=True, editable=False)
    is_staff = models.BooleanField(default=False, help_text="May open this administration.")
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["email"]
        constraints = [
            # With `unique` this forbids two accounts whose addresses differ only by capital
            # letters.
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="email_in_lower_case"
            ),
        ]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        super().clean()
        self.email = UserManager.normalize_email(self.email)
        if self.can_sign_in:
            must_be_of_a_person(self.email)

    def set_password(self, raw_password: str | None) -> None:
        """Set the hash of the password's normal form (Unicode NFKC), without saving the account.

        If the password is None, nobody can sign in with a password. An account that cannot sign
        in never gets a password, whoever sets it.
        """
        if not self.can_sign_in:
            raw_password = None
        normal = raw_password and normalized(raw_password)
        super().set_password(normal)
        # If nobody has the address, allauth calls this method, so that the response takes as long
        # as for an account. `check_password` hashes twice if the normal form differs, so hash
        # twice here too.
        if normal != raw_password:
            make_password(raw_password)

    def check_password(self, raw_password: str | None) -> bool:
        """Return True if the password is right. Its normal form (Unicode NFKC) is compared.

        Early releases stored passwords as typed. So the password is also compared as typed.
        """
        normal = raw_password and normalized(raw_password)
        return super().check_password(normal) or (
            normal != raw_password and super().check_password(raw_password)
        )

    def trust_email(self) -> None:
        """Mark the e-mail address as verified. The person gets no mail to confirm the address.

        This is for accounts that an administrator or a command creates.
        """
        EmailAddress.objects.create(user=self, email=self.email, primary=True, verified=True)

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.get_full_name()


class NotificationQuerySet(models.QuerySet["Notification"]):
    """Queries of the outbox: the mails about accounts that are not sent yet."""

    def waiting(self) -> Self:
        """Return the mails that are not given up, including those that a thread is sending now."""
        return self.exclude(due_at=None)

    def due(self, now: datetime) -> Self:
        """Return the mails to send now, the oldest first.

        The next try is at most 8 hours away. If a mail is due in more than a day, the clock was
        wrong when the time was stored. Then the mail is returned too.
        """
        return (
            self.filter(models.Q(due_at__lte=now) | models.Q(due_at__gt=now + timedelta(days=1)))
            .select_related("user")
            .order_by("due_at")
        )


class Notification(models.Model):
    """A mail about an account that is not sent yet. The rows of this model are the outbox.

    A new mail of the same kind to the same address replaces the old one. The row has no secret,
    because the links in the mail are made when the mail is sent. A sent mail has no row.
    """

    # How long a sender reserves a mail. Then another may send it, if the sender was killed.
    CLAIM_TIMEOUT = timedelta(minutes=15)
    # The time between a failed attempt and the next one: after the first attempt, the second, ...
    RETRIES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 480))
    MAX_PROBLEM_LENGTH = 300

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=60)  # the beginning of the names of the mail's templates
    to = models.EmailField()
    facts = models.JSONField(default=dict)  # more variables for the templates
    made_at = models.DateTimeField(default=timezone.now)
    # When to try next. None: Tokenry no longer tries.
    due_at = models.DateTimeField(default=timezone.now, null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    # Why the last attempt failed.
    problem = models.CharField(max_length=MAX_PROBLEM_LENGTH, blank=True)

    objects: ClassVar[Any] = NotificationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "to"], name="notification_once")
        ]
        indexes = [
            models.Index(
                fields=["due_at"], condition=~models.Q(due_at=None), name="notification_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.user_id}"

    @property
    def as_claimed(self) -> models.QuerySet["Notification"]:
        """Return a query that finds this row, unless another sender or a new mail has changed it.

        Each of these changes `due_at`, so the query compares `due_at`.
        """
        rows: models.QuerySet[Notification] = Notification.objects.filter(
            pk=self.pk, due_at=self.due_at
        )
        return rows

    def claim(self, now: datetime) -> bool:
        """Reserve the mail for CLAIM_TIMEOUT, so that no other process or thread sends it too.

        Return True if the caller may send the mail. If several callers try, only one gets True.
        """
        until = now + self.CLAIM_TIMEOUT
        claimed = self.as_claimed.update(due_at=until, tries=models.F("tries") + 1) == 1
        self.due_at, self.tries = until, self.tries + 1
        return claimed

    def fail(self, problem: str, now: datetime) -> None:
        """Store the error of a failed attempt, and the time of the next attempt.

        After the last attempt the mail is given up, and `due_at` becomes None.
        """
        again = self.RETRIES[self.tries - 1] if self.tries <= len(self.RETRIES) else None
        self.as_claimed.update(
            due_at=again and now + again, problem=problem[: self.MAX_PROBLEM_LENGTH]
        )
