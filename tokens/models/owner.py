"""The owner of a token, a person or a team: the columns that store it, and its names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.base_user import AbstractBaseUser

from tokens.core.accounts import email_of
from tokens.models.team import Team

if TYPE_CHECKING:
    from tokens.models.token import Token

TEAM = "team:"  # stands before the short name of a team


def owner_name(token: Token) -> str:
    """Return what names the token's owner: "team:billing-ci", or what a person signs in with."""
    return f"{TEAM}{token.team_id}" if token.team_id else token.owner.get_username()


def owner_email(token: Token) -> str:
    """Return the e-mail address of the token's owner, or "" if the owner is a team or has none.

    The account of a team may have an address, but nobody reads the mails.
    """
    return "" if token.team_id else email_of(token.owner)


def account_name(account: AbstractBaseUser) -> str:
    """Return what names an account: "team:billing-ci", or what a person signs in with.

    Without `select_related("...__token_team")` this takes a query.
    """
    team = getattr(account, "token_team", None)
    return f"{TEAM}{team.pk}" if team else account.get_username()


def owner_columns(owner: AbstractBaseUser) -> dict[str, Any]:
    """Return the values of the two columns that say who owns a token: an account, and its team."""
    team = Team.objects.filter(account_id=owner.pk).values_list("pk", flat=True).first()
    return {"owner_id": owner.pk, "team_id": team}
