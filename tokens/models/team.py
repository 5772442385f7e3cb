"""Teams: owners of tokens that are not people. A team has members, who act for the team.

Each team has an account, which owns the team's tokens and cannot sign in. So whatever asks for the
owner of a token works for teams too. The setting TEAM_USER names the function that makes this
account.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import RegexValidator
from django.db import IntegrityError, models, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from tokens.models.actor import Actor
from tokens.models.event import NAME_LENGTH, Event
from tokens.models.event_types import AccountKind
from tokens.token_settings import token_settings

SLUG_LENGTH = 40
SLUG = RegexValidator(
    r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
    "A short name has small letters and digits, in words with hyphens between them: billing-ci.",
)


class TeamQuerySet(models.QuerySet["Team"]):
    """Queries for teams."""

    def of(self, person: AbstractBaseUser) -> TeamQuerySet:
        """Return the teams of which `person` is a member or a manager."""
        return self.filter(memberships__user_id=person.pk)

    def without_manager(self) -> TeamQuerySet:
        """Return the teams that have no manager whose account is switched on."""
        managers = Membership.objects.filter(
            team=OuterRef("pk"), role=Membership.Role.MANAGER, user__is_active=True
        )
        return self.filter(~Exists(managers))


class Team(models.Model):
    """An owner of tokens that is not a person. `slug`, its short name, never changes."""

    slug = models.CharField(max_length=SLUG_LENGTH, primary_key=True, validators=[SLUG])
    name = models.CharField(max_length=NAME_LENGTH)
    # The account that owns the team's tokens. It cannot sign in.
    account = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="team"
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ["name", "slug"]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def make(
        cls, slug: str, name: str, members: Mapping[Any, str], actor: Actor | None = None
    ) -> Team:
        """Make a team with its account, its members and an event for each member.

        `members` has the role of each person. `actor` is who acted, None for the command line.
        Raise ValidationError if the short name or the name is wrong or taken, and
        ImproperlyConfigured if there are no teams here. Then nothing is made.
        """
        make_account = token_settings.TEAM_USER
        if make_account is None:
            raise ImproperlyConfigured("TEAM_USER is not set, so there are no teams here.")
        team = cls(slug=slug, name=name)
        team.full_clean(exclude=["account"])
        try:
            with transaction.atomic():
                team.account = make_account(slug, name)
                team.save(force_insert=True)
                for person, role in members.items():
                    team.memberships.create(user=person, role=role)
                    detail = f"{slug}, as {role}"
                    Event.record_account(AccountKind.TEAM_JOINED, person, actor, detail)
        except IntegrityError:  # somebody else took the short name, or its account, just now
            raise ValidationError({"slug": "This short name is taken."}) from None
        return team


class Membership(models.Model):
    """A person in a team. Members act for the team; managers also change who is in the team."""

    class Role(models.TextChoices):
        """What a person may do in a team."""

        MEMBER = "member", "Member"
        MANAGER = "manager", "Manager"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="team_memberships"
    )
    role = models.CharField(max_length=7, choices=Role.choices, default=Role.MEMBER)
    wants_mails = models.BooleanField(default=True)  # about the team's tokens
    joined_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="team_member_once")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id}"


class Invitation(models.Model):
    """An offer to a person to join a team. The person accepts or declines on the page of teams.

    `email` need not belong to an account yet. So the page of the team does not tell who has one.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(
        max_length=7, choices=Membership.Role.choices, default=Membership.Role.MEMBER
    )
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "email"], name="team_invited_once")]

    def __str__(self) -> str:
        return f"{self.email} to {self.team_id}"


def accounts_of(person: AbstractBaseUser) -> models.QuerySet[Any]:
    """Return the accounts for which `person` may act: the person's own, and those of the teams."""
    return get_user_model().objects.filter(
        Q(pk=person.pk) | Q(team__memberships__user_id=person.pk)
    )


def owner_columns(owner: AbstractBaseUser) -> dict[str, Any]:
    """Return the values of the two columns that say who owns a token: an account, and its team."""
    team = Team.objects.filter(account_id=owner.pk).values_list("pk", flat=True).first()
    return {"owner_id": owner.pk, "team_id": team}
