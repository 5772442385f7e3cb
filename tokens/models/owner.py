"""How programs and lists name the owner of a token: a person, or a team."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.base_user import AbstractBaseUser

from tokens.core.accounts import email_of

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

    Without `select_related("...__team")` this takes a query.
    """
    team = getattr(account, "team", None)
    return f"{TEAM}{team.pk}" if team else account.get_username()
