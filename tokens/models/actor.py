"""Who makes a change. Models take an Actor, because they know nothing of HTTP requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.contrib.auth.base_user import AbstractBaseUser

if TYPE_CHECKING:
    from tokens.models.token import Token


class Actor(NamedTuple):
    """Who makes a change, and from where. Commands pass None instead of an Actor.

    `user` is None if nobody is signed in. `token` is the token of a program, and None for a
    person in a browser.
    """

    user: AbstractBaseUser | None = None
    token: Token | None = None
    address: str = ""
    user_agent: str = ""
