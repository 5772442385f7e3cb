"""Who has a second factor, for the policies of tokens."""

from allauth.mfa.utils import is_mfa_enabled

from accounts.models import User


def has_second_factor(user: User) -> bool:
    """Return True if `user` has an authenticator app or a security key."""
    return bool(is_mfa_enabled(user))
