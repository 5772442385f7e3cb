"""Teams: owners of tokens that are not people. A team has members, who act for the team.

Each team has an account, which owns the team's tokens and cannot sign in. So whatever asks for the
owner of a token works for teams too. The setting TEAM_USER names the function that makes this
account.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.validators import RegexValidator
from django.db import IntegrityError, models, transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone

from tokens.core.accounts import email_of
from tokens.models.actor import Actor
from tokens.models.event import NAME_LENGTH, Event
from tokens.models.event_types import AccountKind
from tokens.models.exceptions import TeamChangeRefused
from tokens.models.membership import Invitation, Membership
from tokens.token_settings import token_settings

if TYPE_CHECKING:
    from tokens.models.queryset import TokenQuerySet

SLUG_LENGTH = 40
MAX_MANAGED_TEAMS = 20  # for each person who makes teams
MAX_INVITATIONS = 50  # that wait, for each team
RESERVED_SLUGS = {"new"}  # has another meaning in the URLs
SLUG = RegexValidator(
    r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
    "A short name has small letters and digits, in words with hyphens between them: billing-ci.",
)


class TeamQuerySet(models.QuerySet["Team"]):
    """Queries for teams."""

    def of(self, person: AbstractBaseUser) -> TeamQuerySet:
        """Return the teams of which `person` is a member or a manager."""
        return self.filter(memberships__user_id=person.pk)

    def managed_by(self, person: AbstractBaseUser) -> TeamQuerySet:
        """Return the teams of which `person` is a manager."""
        # One filter, so that both conditions hold for the same membership.
        manager = Membership.Role.MANAGER
        return self.filter(memberships__user_id=person.pk, memberships__role=manager)

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
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="token_team"
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ["name", "slug"]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def make(
        cls,
        slug: str,
        name: str,
        members: Mapping[Any, str],
        actor: Actor | None = None,
    ) -> Team:
        """Make a team with its account and its members, and write their events.

        `members` has the role of each person. Raise ValidationError if the short name or the name
        is wrong, and TeamChangeRefused if the short name is taken, if a manager manages too many
        teams, or if there are no teams here. Then nothing is made.
        """
        make_account = token_settings.TEAM_USER
        if make_account is None:
            raise TeamChangeRefused("no_teams", "There are no teams here: TEAM_USER is not set.")
        cls(slug=slug, name=name).clean_fields(exclude=["account"])
        with transaction.atomic():
            ensure_room_for_team([key for key, role in members.items() if role == "manager"])
            if slug in RESERVED_SLUGS or cls.objects.filter(pk=slug).exists():
                raise taken(slug)
            try:
                with transaction.atomic():
                    account = make_account(slug, name)
                    team = cls.objects.create(slug=slug, name=name, account=account)
            except IntegrityError:  # another request made the same team meanwhile
                raise taken(slug) from None
            for person, role in members.items():
                team.memberships.create(user_id=person.pk, role=role)
                is_maker = actor is not None and actor.user == person
                kind = AccountKind.TEAM_MADE if is_maker else AccountKind.TEAM_JOINED
                team.record(kind, actor, "" if is_maker else role, person)
        return team

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Open a transaction in which nobody else can change who is in the team.

        Whoever also locks tokens of the team locks the team first, then its account.
        Raise Team.DoesNotExist if the team was deleted.
        """
        with transaction.atomic():
            Team.objects.select_for_update(no_key=True).get(pk=self.pk)
            yield

    def is_acted_for_by(self, actor: Actor | None) -> bool:
        """Return True if `actor` is a member, or a program with a token of the team."""
        if actor is None or actor.user is None:
            return False
        if actor.token:
            return actor.token.team_id == self.pk
        return self.memberships.filter(user_id=actor.user.pk).exists()

    def record(
        self,
        kind: AccountKind,
        actor: Actor | None,
        detail: str,
        person: AbstractBaseUser | None = None,
    ) -> None:
        """Write an event for the team, and one for the `person` whose place in the team changed.

        `detail` says more about the change, such as the new role, or is "".
        """
        for_team = self.is_acted_for_by(actor)
        about = f"{person}: {detail}".removesuffix(": ") if person else detail
        Event.record_account(kind, self.account, actor, about, for_team=for_team)
        if person:
            is_own = actor is not None and actor.user == person
            words = f"{self.name} ({self.pk}): {detail}".removesuffix(": ")
            Event.record_account(kind, person, actor, words, for_team=for_team and not is_own)

    def invite(self, email: str, role: str, actor: Actor | None) -> Invitation:
        """Store an invitation for the person with this e-mail address, who may have no account.

        Raise TeamChangeRefused if the person is in the team or invited already, or if too many
        invitations wait.
        """
        email = email.lower()
        with self.locked():
            members = [member.user for member in self.memberships.select_related("user")]
            if email in {email_of(member).lower() for member in members}:
                raise TeamChangeRefused("already_member", f"{email} is in the team already.")
            waiting = self.invitations.values_list("email", flat=True)
            if email in waiting:
                raise TeamChangeRefused("already_invited", f"{email} is invited already.")
            if len(waiting) >= MAX_INVITATIONS:
                words = f"{MAX_INVITATIONS} invitations wait, the most allowed. Withdraw one."
                raise TeamChangeRefused("too_many_invitations", words)
            by = actor.user.pk if actor and actor.user else None
            invitation = self.invitations.create(email=email, role=role, invited_by_id=by)
            self.record(AccountKind.TEAM_INVITED, actor, f"{email}: {role}")
        return invitation

    def withdraw(self, email: str, actor: Actor | None) -> None:
        """Delete the invitation for this e-mail address, if it still waits."""
        with self.locked():
            if self.invitations.filter(email=email).delete()[0]:
                self.record(AccountKind.TEAM_UNINVITED, actor, email)

    def answer(self, person: AbstractBaseUser, *, accept: bool, actor: Actor | None) -> bool:
        """Accept or decline the invitation of `person`. Return False if none waits any more."""
        with self.locked():
            invitation = Invitation.objects.to(person).filter(team=self).first()
            if invitation is None:
                return False
            invitation.delete()
            if accept:
                self.add(person, invitation.role, actor)
            else:
                self.record(AccountKind.TEAM_DECLINED, actor, email_of(person))
        return True

    def add(self, person: AbstractBaseUser, role: str, actor: Actor | None) -> None:
        """Add `person` to the team, unless the person is in the team already."""
        with self.locked():
            if self.memberships.get_or_create(user_id=person.pk, defaults={"role": role})[1]:
                self.record(AccountKind.TEAM_JOINED, actor, role, person)

    def change_role(self, user_pk: Any, role: str, actor: Actor | None) -> None:
        """Give a member another role.

        Raise TeamChangeRefused if the team would have no manager, and Membership.DoesNotExist if
        the person is not in the team.
        """
        with self.locked():
            membership = self.memberships.select_related("user").get(user_id=user_pk)
            if membership.role != role:
                self._ensure_other_manager(membership)
                self.record(AccountKind.TEAM_ROLE, actor, role, membership.user)
                membership.role = role
                membership.save(update_fields=["role"])

    def remove(self, user_pk: Any, actor: Actor | None) -> None:
        """Remove a person from the team; the person may be the actor, who leaves.

        Raise TeamChangeRefused if the team would have no manager, and Membership.DoesNotExist if
        the person is not in the team.
        """
        with self.locked():
            membership = self.memberships.select_related("user").get(user_id=user_pk)
            self._ensure_other_manager(membership)
            self.record(AccountKind.TEAM_LEFT, actor, "", membership.user)
            membership.delete()

    def _ensure_other_manager(self, leaving: Membership) -> None:
        """Raise TeamChangeRefused if `leaving` is the only manager whose account is switched on.

        The caller must have locked the team.
        """
        managers = self.memberships.filter(role=Membership.Role.MANAGER, user__is_active=True)
        is_manager = leaving.role == Membership.Role.MANAGER
        if is_manager and not managers.exclude(pk=leaving.pk).exists():
            raise TeamChangeRefused(
                "last_manager",
                "A team needs a manager. Make somebody else a manager first, or delete the team.",
            )

    def rename(self, name: str, actor: Actor | None) -> None:
        """Change the name of the team. The short name stays."""
        with self.locked():
            if name != self.name:
                self.record(AccountKind.TEAM_RENAMED, actor, f"{self.name} → {name}")
                self.name = name
                self.save(update_fields=["name"])

    def dissolve(self, actor: Actor | None) -> int:
        """Revoke the team's tokens, and delete the team and its account. The events stay.

        Return how many tokens were revoked.
        """
        tokens: TokenQuerySet = self.account.tokens.order_by("pk")
        with self.locked(), tokens.locked_for(self.account_id):
            # Lock also the tokens that ended, as when the account of a person is deleted
            # (audit/receivers.py).
            list(tokens.select_for_update().values_list("pk"))
            active = list(tokens.active())
            for token in active:
                token.revoke(actor)
            for membership in self.memberships.select_related("user"):
                self.record(AccountKind.TEAM_DELETED, actor, "", membership.user)
            account = self.account
            self.delete()
            account.delete()
        return len(active)


def ensure_room_for_team(managers: Collection[Any]) -> None:
    """Raise TeamChangeRefused if one of `managers` manages MAX_MANAGED_TEAMS teams.

    Lock their accounts, so that two requests do not both find room for one more team.
    """
    keys = [person.pk for person in managers]
    people = get_user_model().objects.select_for_update(no_key=True)
    list(people.filter(pk__in=keys).order_by("pk").values_list("pk"))
    full = Membership.objects.filter(user__in=keys, role=Membership.Role.MANAGER).values("user")
    if full.annotate(count=Count("pk")).filter(count__gte=MAX_MANAGED_TEAMS).exists():
        raise TeamChangeRefused(
            "too_many_teams",
            f"A person manages at most {MAX_MANAGED_TEAMS} teams. Leave or delete one first.",
        )


def taken(slug: str) -> TeamChangeRefused:
    """Return the error for a short name that another team has."""
    return TeamChangeRefused("slug_taken", f"The short name “{slug}” is taken. Choose another.")


def accounts_of(person: AbstractBaseUser) -> models.QuerySet[Any]:
    """Return the accounts for which `person` may act: the person's own, and those of the teams."""
    return get_user_model().objects.filter(
        Q(pk=person.pk) | Q(token_team__memberships__user_id=person.pk)
    )
