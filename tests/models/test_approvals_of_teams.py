"""Scopes that wait for approval, on tokens of teams and on tokens that are handed over."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue
from tests.models import test_scope_requests
from tests.models.test_scope_requests import decide, decisions, renewed, who_may
from tests.records import program
from tests.teams import make_team
from tokens.models import Actor, AlreadyDecided, Event, Team, Token, broken_policy_condition
from tokens.models.scope_request import ScopeRequest
from tokens.models.transfer import hand_over
from tokens.notifications.approval_mails import send_approval_mails

leads, approver = test_scope_requests.leads, test_scope_requests.approver
token = test_scope_requests.token


@pytest.fixture
def team(owner: User) -> Team:
    return make_team("billing-ci", managers=(owner,))


def ask(issue: Issue, team: Team, actor: Actor) -> Token:
    return issue(owner=team.account, scopes=["a:read", "a:write"], actor=actor)[0]


def test_no_member_decides_about_a_token_of_the_team(
    issue: Issue, team: Team, teammate: User, approver: User, administrator: User
) -> None:
    owner = team.memberships.get().user
    made = ask(issue, team, Actor(owner))
    people = {
        "owner": owner, "teammate": teammate, "approver": approver, "boss": administrator
    }  # fmt: skip
    teammate.groups.add(approver.groups.get())
    assert who_may(made, people) == {"approver", "teammate"}
    team.memberships.create(user=teammate)
    assert who_may(made, people) == {"approver"}
    with pytest.raises(AlreadyDecided):
        decide(made, teammate)
    team.memberships.create(user=approver)
    assert who_may(made, people) == {"boss"}


def test_what_a_program_of_the_team_asks_for_is_not_decided_by_a_member(
    issue: Issue, team: Team, approver: User, administrator: User
) -> None:
    team.memberships.create(user=approver)
    maker, _ = issue(owner=team.account, scopes=["a:read"])
    made = ask(issue, team, program(maker))
    assert who_may(made, {"approver": approver, "boss": administrator}) == {"boss"}


def test_the_account_of_a_team_approves_nothing(
    issue: Issue, team: Team, owner: User, leads: Group, administrator: User
) -> None:
    other = make_team("other")
    other.account.groups.add(leads)
    made = ask(issue, team, Actor(owner))
    assert who_may(made, {"boss": administrator}) == {"boss"}


def test_the_mail_goes_to_no_member_and_names_the_team(
    issue: Issue, team: Team, teammate: User, approver: User
) -> None:
    teammate.groups.add(approver.groups.get())
    team.memberships.create(user=teammate)
    maker, _ = issue(owner=team.account, scopes=["a:read"])
    ask(issue, team, program(maker))
    send_approval_mails(timezone.now())
    [message] = mail.outbox
    assert message.to == [approver.email]
    assert str(message.body).count("team:billing-ci") == 2  # the owner, and who asked
    assert "teams.invalid" not in message.body


def test_what_waits_is_withdrawn_when_the_token_moves(
    token: Token, owner: User, teammate: User, approver: User
) -> None:
    stale = ScopeRequest.objects.select_related("token").get()
    [moved] = hand_over([token], teammate, Actor(owner))
    kept = Token.objects.get(pk=token.pk)
    assert (kept.scopes, kept.pending_scopes, moved.pending_scopes) == (["a:read"], [], [])
    assert decisions(kept) == ["withdrawn"]
    event = Event.objects.get(kind=Event.Kind.CHANGED)
    words = "scopes that wait for approval: −a:write"
    assert (event.owner, event.detail) == (owner, words)
    kept.change(name="x", description="", scopes=["a:write"], allowed_addresses=[])
    assert decisions(kept) == [""]  # the new owner asked
    assert who_may(kept, {"teammate": teammate, "approver": approver}) == {"approver"}
    with pytest.raises(AlreadyDecided):  # a page that was loaded before
        stale.decide(approver, approve=True, actor=None)


def test_what_is_approved_moves_and_the_report_names_the_receivers_policies(
    token: Token, owner: User, teammate: User, approver: User, leads: Group
) -> None:
    decide(token, approver)
    strict = Group.objects.create(name="Strict")
    teammate.groups.add(strict)
    policies: Any = leads.token_policies  # policies of a group hold for its members
    policies.create(name="Unrelated", allowed_scopes="a:read")
    strict.token_policies.create(name="Readers", allowed_scopes="a:read")
    assert not Token.objects.filter(broken_policy_condition()).exists()
    [moved] = hand_over([token], teammate, Actor(owner))
    assert moved.scopes == ["a:read", "a:write"]
    assert list(Token.objects.filter(broken_policy_condition())) == [moved]


def test_a_renewal_after_the_move_keeps_the_approval(
    token: Token, owner: User, teammate: User, approver: User
) -> None:
    decide(token, approver)
    [moved] = hand_over([token], teammate, Actor(owner))
    assert renewed(moved, teammate).scopes == ["a:read", "a:write"]
