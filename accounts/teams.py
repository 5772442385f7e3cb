"""The accounts of teams: accounts that own tokens and belong to no person."""

from accounts.models import User
from accounts.name_rules import TEAM_DOMAIN


def make_team_account(slug: str, name: str) -> User:
    """Make the account of the team with the short name `slug`. Nobody can sign in with it.

    The account has no password, and its e-mail address has no mailbox and is never verified.
    """
    account = User(email=f"{slug}@{TEAM_DOMAIN}", name=name, can_sign_in=False)
    account.set_unusable_password()
    account.save()
    return account
