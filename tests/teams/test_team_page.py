"""GET and POST /settings/teams/<slug>/"""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.conftest import page_of, signed_in
from tokens.models import Actor, Event, Invitation, Team
from tokens.models.team import MAX_INVITATIONS
from tokens.rate_limits import counters
from tokens.rate_limits.limits import RateLimitResult

PATH = "/settings/teams/billing-ci/"
INVITE = {"do": "invite", "email": "new@example.com", "role": "member"}
Clients = Callable[[str], Client]


def key(team: Team, person: User) -> str:
    return str(team.memberships.get(user=person).pk)


def roles(team: Team) -> dict[str, str]:
    return dict(team.memberships.values_list("user__email", "role"))


def test_members_see_and_managers_change(team: Team, manager: User, clients: Clients) -> None:
    team.invite("new@example.com", "member", Actor(user=manager))
    seen = ("Mia Manager", "member@example.com", "new@example.com", "Send me mails", "Leave team")
    changes = ("Make manager", "Withdraw", "Invite somebody", "Rename", "Delete team")
    for role in ("member", "manager"):
        page = page_of(clients(role).get(PATH))
        assert [words for words in seen if words not in page] == []
        assert {words in page for words in changes} == {role == "manager"}


@pytest.mark.parametrize("method", ["get", "head", "post", "put", "delete"])
@pytest.mark.parametrize("path", [PATH, f"{PATH}delete/", "/settings/teams/absent/"])
def test_others_get_404(team: Team, clients: Clients, method: str, path: str) -> None:
    assert getattr(clients("outsider"), method)(path).status_code == 404
    assert getattr(clients("nobody"), method)(path).status_code == 302


@pytest.mark.parametrize("do", ["invite", "withdraw", "role", "remove", "rename"])
def test_a_member_changes_nothing(team: Team, manager: User, clients: Clients, do: str) -> None:
    team.invite("other@example.com", "member", Actor(user=manager))
    before = Event.objects.count()
    fields = INVITE | {"do": do, "member": key(team, manager), "name": "Theirs"}
    response = clients("member").post(PATH, fields | {"email": "other@example.com"})
    assert response.status_code == 403
    assert (Event.objects.count(), len(roles(team)), Invitation.objects.count()) == (before, 2, 1)


@pytest.mark.parametrize("do", ["", "destroy"])
def test_an_unknown_change(team: Team, clients: Clients, do: str) -> None:
    assert clients("manager").post(PATH, {"do": do}).status_code == 404


# Invitations


def test_the_page_does_not_tell_who_has_an_account(
    team: Team, outsider: User, clients: Clients
) -> None:
    pages = []
    for email in (outsider.email, "absent@example.com"):
        response = clients("manager").post(PATH, INVITE | {"email": email}, follow=True)
        pages.append(page_of(response).count(email))
        assert f"{email} is invited. If the address belongs to an account" in page_of(response)
    assert pages[0] == pages[1]
    details = Event.objects.filter(kind="team_invited").values_list("detail", flat=True)
    assert set(details) == {"outsider@example.com: member", "absent@example.com: member"}


def test_to_invite_needs_fresh_authentication(team: Team, manager: User) -> None:
    response = signed_in(manager, seconds_ago=3600).post(PATH, INVITE)
    assert response.status_code == 302
    assert "reauthenticate" in response["Location"]
    assert "email%3Dnew%2540example.com" in response["Location"]
    assert not Invitation.objects.exists()
    form = signed_in(manager).get(PATH, {"email": "new@example.com", "role": "manager"})
    assert form.context["invite"].initial == {"email": "new@example.com", "role": "manager"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"email": ""}, "Write the email address"),
        ({"email": "nobody"}, "valid email address"),
        ({"email": "Member@example.com"}, "is in the team already"),
        ({"email": "Waits@example.com"}, "is invited already"),
        ({"role": "king"}, "Select a valid choice"),
    ],
)
def test_an_invitation_that_is_refused(
    team: Team, manager: User, clients: Clients, changes: dict[str, str], words: str
) -> None:
    team.invite("waits@example.com", "member", Actor(user=manager))
    response = clients("manager").post(PATH, INVITE | changes)
    assert response.status_code == 422
    assert words in str(response.context["invite"].errors)
    assert Invitation.objects.count() == 1


def test_only_so_many_invitations_wait(team: Team, clients: Clients) -> None:
    for number in range(MAX_INVITATIONS):
        team.invite(f"{number}@example.com", "member", None)
    response = clients("manager").post(PATH, INVITE)
    assert "50 invitations wait, the most allowed" in str(response.context["invite"].errors)
    assert team.invitations.count() == MAX_INVITATIONS


def test_only_so_many_invitations_in_an_hour(
    team: Team, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "INVITATION_LIMIT", "1/hour")
    client = clients("manager")
    client.post(PATH, INVITE)
    client.post(PATH, {"do": "withdraw", "email": "new@example.com"})
    response = client.post(PATH, INVITE)
    assert "You invited many people lately. Wait " in str(response.context["invite"].errors)
    assert not Invitation.objects.exists()
    assert isinstance(counters.hit_invitation("somebody else"), RateLimitResult)


def test_withdraw(team: Team, manager: User, clients: Clients) -> None:
    team.invite("new@example.com", "member", Actor(user=manager))
    for _ in range(2):
        clients("manager").post(PATH, {"do": "withdraw", "email": "new@example.com"})
    assert not Invitation.objects.exists()
    assert Event.objects.filter(kind="team_uninvited", owner=team.account).count() == 1


# Roles, and who is in the team


def test_change_a_role(team: Team, member: User, clients: Clients) -> None:
    change = {"do": "role", "member": key(team, member), "role": "manager"}
    response = clients("manager").post(PATH, change, follow=True)
    assert "Mo Member is a manager now." in page_of(response)
    assert roles(team)["member@example.com"] == "manager"
    events = Event.objects.filter(kind="team_role")
    assert {(event.owner_id, event.who, event.detail) for event in events} == {
        (team.account_id, "Mia Manager", "member@example.com: manager"),
        (member.pk, "Mia Manager", "Billing CI (billing-ci): manager"),
    }
    assert "reauthenticate" not in clients("manager").post(PATH, change)["Location"]


def test_to_make_a_manager_needs_fresh_authentication(
    team: Team, member: User, manager: User
) -> None:
    change = {"do": "role", "member": key(team, member), "role": "manager"}
    response = signed_in(manager, seconds_ago=3600).post(PATH, change)
    assert "reauthenticate" in response["Location"]
    assert roles(team)["member@example.com"] == "member"


def test_remove_a_member(team: Team, member: User, clients: Clients) -> None:
    clients("manager").post(PATH, {"do": "remove", "member": key(team, member)})
    assert roles(team) == {"manager@example.com": "manager"}
    assert clients("member").get(PATH).status_code == 404
    assert Event.objects.get(kind="team_left", owner=member).who == "Mia Manager"


def test_leave(team: Team, member: User, clients: Clients) -> None:
    response = clients("member").post(PATH, {"do": "leave"})
    assert response["Location"] == "/settings/teams/"
    assert "member@example.com" not in roles(team)
    assert Event.objects.get(kind="team_left", owner=member).who == "you"


@pytest.mark.parametrize("do", ["leave", "remove", "role"])
def test_the_last_manager_stays(team: Team, manager: User, clients: Clients, do: str) -> None:
    change = {"do": do, "member": key(team, manager), "role": "member"}
    response = clients("manager").post(PATH, change)
    assert response.status_code == 409
    assert "A team needs a manager." in page_of(response)
    assert roles(team)["manager@example.com"] == "manager"
    team.change_role(User.objects.get(email="member@example.com").pk, "manager", None)
    assert clients("manager").post(PATH, change).status_code == 302
    assert roles(team).get("manager@example.com") in {None, "member"}


@pytest.mark.parametrize("member_key", ["", "x", "9" * 30, "²", "0"])
@pytest.mark.parametrize("do", ["remove", "role"])
def test_an_unknown_member(team: Team, clients: Clients, do: str, member_key: str) -> None:
    change = {"do": do, "member": member_key, "role": "member"}
    assert clients("manager").post(PATH, change).status_code == 404


def test_a_member_of_another_team(team: Team, outsider: User, clients: Clients) -> None:
    other = Team.make("other", "Other", {outsider: "manager"}, None)
    change = {"do": "remove", "member": key(other, outsider)}
    assert clients("manager").post(PATH, change).status_code == 404
    assert other.memberships.count() == 1


def test_an_unknown_role(team: Team, member: User, clients: Clients) -> None:
    change: dict[str, Any] = {"do": "role", "member": key(team, member), "role": "king"}
    assert clients("manager").post(PATH, change).status_code == 404


# Mails and name


def test_mails(team: Team, member: User, clients: Clients) -> None:
    for sent, wants in (({}, False), ({"wants_mails": "on"}, True)):
        clients("member").post(PATH, {"do": "mails", **sent})
        assert team.memberships.get(user=member).wants_mails is wants


def test_rename(team: Team, clients: Clients) -> None:
    clients("manager").post(PATH, {"do": "rename", "name": "Payments"})
    team.refresh_from_db()
    assert (team.pk, team.name) == ("billing-ci", "Payments")
    assert Event.objects.get(kind="team_renamed").detail == "Billing CI → Payments"
    response = clients("manager").post(PATH, {"do": "rename", "name": ""})
    assert response.status_code == 422
    assert list(response.context["rename"].errors) == ["name"]
