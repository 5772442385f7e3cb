"""The accounts of teams, which own tokens and belong to nobody."""

from people.models import User


def make_team_account(slug: str, name: str) -> User:
    """Make the account of a team. Without a password nobody can sign in with it."""
    return User.objects.create_user(f"team {slug}")
