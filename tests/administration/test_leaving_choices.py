"""/admin/tokens/token/leaving/: what was chosen is kept, and what changes meanwhile is noticed."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue, page_of, signed_in
from tests.teams import make_team
from tokens.forms.goodbye import GoodbyeForm
from tokens.models import Event, Membership, Team, Token

LEAVING = "/admin/tokens/token/leaving/"


def leaving(account: User) -> str:
    return f"{LEAVING}?account={account.pk}&then=off"


def is_on(account: User) -> bool:
    return User.objects.filter(pk=account.pk, is_active=True).exists()


def test_the_choices_stay_when_the_administrator_confirms(
    issue: Issue, owner: User, teammate: User, administrator: User
) -> None:
    issue()
    make_team("billing-ci", teammate, managers=(owner,))
    member = str(Membership.objects.get(user=teammate).pk)
    sent = {
        "outcome": "keep", "receiver": "team:billing-ci", "manager_billing-ci": member,
        "until": str(timezone.localdate()),
    }  # fmt: skip
    answer = signed_in(administrator, seconds_ago=3600).post(leaving(owner), sent)
    [back] = parse_qs(urlsplit(answer["Location"]).query)["next"]
    assert urlsplit(back).path == LEAVING
    page = page_of(signed_in(administrator).get(back))
    assert re.search(r'value="keep" [^>]*checked', page)
    for value in ("team:billing-ci", sent["until"]):
        assert f'value="{value}"' in page
    assert f'<option value="{member}" selected>' in page
    assert is_on(owner)


@pytest.mark.parametrize("may_hand_over", [False, True])
def test_only_who_hands_over_sees_all_teams(
    issue: Issue, owner: User, may_hand_over: bool
) -> None:
    issue()
    make_team("secret-plan")
    staff = User.objects.create_user(email="hr@example.com", is_staff=True)
    rights = ["change_user", "change_token"] if may_hand_over else ["change_user"]
    staff.user_permissions.set(Permission.objects.filter(codename__in=rights))
    page = page_of(signed_in(staff).get(leaving(owner)))
    assert ("secret-plan" in page) is may_hand_over


def test_the_new_manager_has_an_event(
    owner: User, teammate: User, administrator: User, admin_client: Client
) -> None:
    team = make_team("billing-ci", teammate, managers=(owner,))
    member = Membership.objects.get(user=teammate)
    admin_client.post(leaving(owner), {"manager_billing-ci": member.pk})
    assert team.memberships.get(user=teammate).role == "manager"
    events = Event.objects.filter(kind="team_role", actor=administrator)
    assert {event.owner for event in events} == {team.account, teammate}


@pytest.fixture
def people(owner: User, teammate: User) -> tuple[User, User]:
    return owner, teammate


@pytest.mark.parametrize("change", ["leaves", "is off", "team gone"])
def test_what_changes_after_the_check_is_noticed(
    issue: Issue, people: tuple[User, User], admin_client: Client,
    monkeypatch: pytest.MonkeyPatch, change: str,
) -> None:  # fmt: skip
    owner, teammate = people
    issue()
    managed = make_team("ops", teammate, managers=(owner,))
    make_team("billing-ci")
    member = Membership.objects.get(user=teammate)
    settle = GoodbyeForm.settle

    def change_first(form: Any, actor: Any) -> bool:
        match change:
            case "leaves":
                managed.remove(teammate.pk, None)
            case "is off":
                User.objects.filter(pk=teammate.pk).update(is_active=False)
            case _:
                Team.objects.get(pk="billing-ci").dissolve(None)
        return settle(form, actor)

    monkeypatch.setattr(GoodbyeForm, "settle", change_first)
    sent = {"outcome": "hand_over", "receiver": "team:billing-ci", "manager_ops": member.pk}
    answer = admin_client.post(leaving(owner), sent)
    assert answer.status_code == 422
    assert "An account or a team changed meanwhile. Choose again." in page_of(answer)
    assert is_on(owner)
    assert Token.objects.get().owner == owner
