"""Invitations: an administrator names an address, and its owner sets the password by a link."""

from django.http import HttpRequest

from accounts.mails import INVITATION
from accounts.models import User
from accounts.outbox import queue


def invite(user: User, request: HttpRequest) -> None:
    """Write to `user` how to set a password."""
    queue(user, INVITATION, user.email, {"inviter": str(request.user)})
