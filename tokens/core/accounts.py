"""What the application needs to know about accounts, whatever a project's user model is."""

from django.contrib.auth.base_user import AbstractBaseUser


def email_of(account: AbstractBaseUser) -> str:
    """Return the e-mail address of an account, or "" if the account has none."""
    return getattr(account, account.get_email_field_name(), "") or ""
