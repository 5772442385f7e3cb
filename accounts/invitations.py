"""Invitations by mail, for people whose account an administrator has created."""

from django.http import HttpRequest

from accounts.mails import INVITATION
from accounts.models import User
from accounts.outbox import queue


def invite(user: User, request: HttpRequest) -> None:
    """Queue a mail to `user`, with a link to choose a password and the administrator's name."""
    queue(user, INVITATION, user.email, {"inviter": str(request.user)})
