"""What the application needs to know about accounts, whatever a project's user model is."""

from django.contrib.auth.base_user import AbstractBaseUser


def email_of(account: AbstractBaseUser) -> str:
    """Return the e-mail address of an account, or "" if the account has none."""
    return getattr(account, account.get_email_field_name(), "") or ""


def name_of(account: AbstractBaseUser) -> str:
    """Return the name of a person, or the name to sign in with if the account has no other."""
    full_name = getattr(account, "get_full_name", account.get_username)
    return full_name() or account.get_username()
