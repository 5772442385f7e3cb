"""How a team is made, and which teams have no manager."""

import pytest
from django.core.exceptions import ValidationError
from pytest_django import Settings

from accounts.models import User
from tokens.models import Actor, Event, Membership, Team, TeamChangeRefused
from tokens.models.event_types import AccountKind

pytestmark = pytest.mark.django_db
MEMBER, MANAGER = Membership.Role.MEMBER, Membership.Role.MANAGER


def test_make(owner: User, teammate: User) -> None:
    actor = Actor(owner)
    team = Team.make("billing-ci", "Billing", {owner: MANAGER, teammate: MEMBER}, actor)
    assert set(team.memberships.values_list("user", "role")) == {
        (owner.pk, "manager"),
        (teammate.pk, "member"),
    }
    account = User.objects.get(pk=team.account_id)
    assert (account.email, account.name) == ("billing-ci@teams.invalid", "Billing")
    assert not account.can_sign_in
    assert not account.has_usable_password()
    events = Event.objects.exclude(owner=account)
    assert set(events.values_list("owner", "actor", "kind", "detail")) == {
        (owner.pk, owner.pk, AccountKind.TEAM_MADE, "Billing (billing-ci)"),
        (teammate.pk, owner.pk, AccountKind.TEAM_JOINED, "Billing (billing-ci): member"),
    }


@pytest.mark.parametrize(
    ("slug", "name", "field"),
    [
        ("Billing", "Billing", "slug"),
        ("", "Billing", "slug"),
        ("a" * 41, "Billing", "slug"),
        ("billing", "", "name"),
        ("billing", "n" * 101, "name"),
    ],
)
def test_make_nothing(owner: User, slug: str, name: str, field: str) -> None:
    before = User.objects.count()
    with pytest.raises(ValidationError) as raised:
        Team.make(slug, name, {owner: MANAGER})
    assert set(raised.value.message_dict) == {field}
    assert (User.objects.count(), Team.objects.count()) == (before, 0)
    assert not Event.objects.filter(kind=AccountKind.TEAM_JOINED).exists()


@pytest.mark.parametrize("slug", ["taken", "account-taken"])
def test_taken(owner: User, slug: str) -> None:
    Team.make("taken", "Taken", {})
    User.objects.create_user(email="account-taken@teams.invalid")
    before = User.objects.count()
    with pytest.raises(TeamChangeRefused) as raised:
        Team.make(slug, "Billing", {owner: MANAGER})
    assert raised.value.code == "slug_taken"
    assert (User.objects.count(), Team.objects.count()) == (before, 1)


def test_no_teams_here(settings: Settings) -> None:
    settings.TOKENRY = {**settings.TOKENRY, "TEAM_USER": None}
    with pytest.raises(TeamChangeRefused, match="TEAM_USER is not set"):
        Team.make("billing", "Billing", {})
    assert not Team.objects.exists()


def test_without_manager(owner: User, teammate: User) -> None:
    team = Team.make("billing", "Billing", {owner: MANAGER, teammate: MEMBER})
    assert not Team.objects.without_manager()
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert list(Team.objects.without_manager()) == [team]
