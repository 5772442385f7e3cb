"""The person: signs in by e-mail."""

from typing import Any, ClassVar
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
