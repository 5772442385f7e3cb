"""Who is in a team: the members, and the invitations that wait for an answer."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.utils import timezone

from tokens.core.accounts import email_of, name_of


class Membership(models.Model):
    """A person in a team. Members act for the team; managers also change who is in the team."""

    class Role(models.TextChoices):
        """What a person may do in a team."""

        MEMBER = "member", "Member"
        MANAGER = "manager", "Manager"

    team = models.ForeignKey("tokens.Team", on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="token_team_memberships"
    )
    role = models.CharField(max_length=7, choices=Role.choices, default=Role.MEMBER)
    wants_mails = models.BooleanField(default=True)  # about the team's tokens
    joined_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="team_member_once")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id}"

    @property
    def name(self) -> str:
        """Return the name of the person, or the name to sign in with."""
        return name_of(self.user)

    @property
    def email(self) -> str:
        """Return the e-mail address of the person, or "" if the account has none."""
        return email_of(self.user)

    @property
    def is_manager(self) -> bool:
        """Return True if the person may change who is in the team."""
        return self.role == self.Role.MANAGER


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Queries for invitations."""

    def to(self, person: AbstractBaseUser) -> InvitationQuerySet:
        """Return the invitations to the e-mail address of `person`."""
        email = email_of(person).lower()
        return self.filter(email=email) if email else self.none()


class Invitation(models.Model):
    """An offer to a person to join a team. The person accepts or declines on the page of teams.

    `email` need not belong to an account yet. So the page of the team does not tell who has one.
    """

    team = models.ForeignKey("tokens.Team", on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(
        max_length=7, choices=Membership.Role.choices, default=Membership.Role.MEMBER
    )
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    made_at = models.DateTimeField(default=timezone.now)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "email"], name="team_invited_once")]

    def __str__(self) -> str:
        return f"{self.email} to {self.team_id}"

    @property
    def inviter(self) -> str:
        """Return the name of the person who invites, or "" if the account is gone."""
        return name_of(self.invited_by) if self.invited_by else ""
