"""Team: changes at the same time, and what is left of a person."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from tests.models.test_concurrency import at_once
from tokens.models import (
    Actor,
    Event,
    Invitation,
    Membership,
    Team,
    TeamChangeRefused,
    Token,
)
from tokens.models.team import MAX_INVITATIONS, MAX_MANAGED_TEAMS
from tokens.token_settings import TokenSettings

pytestmark = pytest.mark.django_db(transaction=True)


def code_of(change: object) -> str:
    """Return "made", or the code of the error with which `change` was refused."""
    assert callable(change)
    try:
        change()
    except TeamChangeRefused as refused:
        return refused.code
    return "made"


def test_all_managers_leave_at_once_and_one_stays(owner: User) -> None:
    team = Team.make("billing-ci", "Billing CI", {owner: "manager"}, None)
    people = [User.objects.create_user(email=f"{n}@example.com") for n in range(19)]
    for person in people:
        team.add(person, "manager", None)
    keys = [owner.pk, *(person.pk for person in people)]
    answers = at_once(lambda number: code_of(lambda: team.remove(keys[number], None)))
    assert answers == {"made": 19, "last_manager": 1}
    assert team.memberships.get().role == Membership.Role.MANAGER


def test_a_manager_whose_account_is_switched_off_does_not_count(
    owner: User, teammate: User
) -> None:
    team = Team.make("billing-ci", "Billing CI", {owner: "manager"}, None)
    team.add(teammate, "manager", None)
    User.objects.filter(pk=teammate.pk).update(is_active=False)
    assert code_of(lambda: team.remove(owner.pk, None)) == "last_manager"
    assert code_of(lambda: team.change_role(owner.pk, "member", None)) == "last_manager"
    assert code_of(lambda: team.remove(teammate.pk, None)) == "made"


def test_one_short_name_makes_one_team(owner: User) -> None:
    people = [User.objects.create_user(email=f"{n}@example.com") for n in range(20)]
    answers = at_once(
        lambda number: code_of(lambda: Team.make("a", "A", {people[number]: "manager"}, None))
    )
    assert answers == {"made": 1, "slug_taken": 19}


def test_one_person_makes_only_so_many_at_once(owner: User) -> None:
    for number in range(MAX_MANAGED_TEAMS - 1):
        Team.make(f"team-{number}", "Team", {owner: "manager"}, None)
    answers = at_once(
        lambda number: code_of(lambda: Team.make(f"a{number}", "A", {owner: "manager"}, None))
    )
    assert answers == {"made": 1, "too_many_teams": 19}


def test_the_bound_of_invitations_holds_at_once(owner: User) -> None:
    team = Team.make("billing-ci", "Billing CI", {owner: "manager"}, None)
    for number in range(MAX_INVITATIONS - 1):
        team.invite(f"{number}@example.com", "member", None)
    answers = at_once(
        lambda number: code_of(lambda: team.invite(f"new{number}@example.com", "member", None))
    )
    assert answers == {"made": 1, "too_many_invitations": 19}


def test_where_teams_are_off(owner: User, token_settings: TokenSettings) -> None:
    token_settings.TEAM_USER = None
    assert code_of(lambda: Team.make("a", "A", {owner: "manager"}, None)) == "no_teams"


def test_accept_twice(owner: User, teammate: User) -> None:
    team = Team.make("billing-ci", "Billing CI", {owner: "manager"}, None)
    team.invite(teammate.email, "member", None)
    answers = [team.answer(teammate, accept=True, actor=None) for _ in range(2)]
    assert answers == [True, False]
    assert Event.objects.filter(kind="team_joined", owner=teammate).count() == 1


def test_an_account_without_an_address_has_no_invitations(owner: User) -> None:
    assert not Invitation.objects.to(User(email="")).exists()


def test_nothing_names_a_person_whose_account_is_deleted(owner: User, teammate: User) -> None:
    team = Team.make("billing-ci", "Billing CI", {owner: "manager"}, None)
    team.add(teammate, "manager", Actor(user=owner))
    team.change_role(teammate.pk, "member", Actor(user=owner))
    other = Team.make("other", "Other", {owner: "manager"}, None)
    other.invite(teammate.email, "member", None)
    teammate.delete()
    assert not Event.objects.filter(detail__contains="teammate@example.com").exists()
    assert not Invitation.objects.exists()
    assert Event.objects.filter(owner=team.account, kind="team_role").count() == 1


def test_dissolve_revokes_what_still_works(owner: User) -> None:
    team = Team.make("billing-ci", "Billing CI", {owner: "manager"}, None)
    ends = (timedelta(days=-1), timedelta(days=1))
    for end in ends:
        Token.objects.issue(
            owner=team.account, name="A", environment="live", expires_at=timezone.now() + end
        )
    assert team.dissolve(Actor(user=owner)) == 1
    assert not Token.objects.exists()
    assert Event.objects.filter(kind="revoked").count() == 1
    with pytest.raises(Team.DoesNotExist):
        team.rename("Again", None)
