"""Scopes that wait for approval: who may decide, renewal, programs, and what ends the wait."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue, bearer
from tokens.models import Actor, AlreadyDecided, Event, Scope, ScopeRequest, Token, TokenPolicy
from tokens.notifications.approval_mails import send_approval_mails
from tokens.notifications.emails import event_mail


@pytest.fixture
def leads(db: None) -> Group:
    """Make two scopes, and a policy by which one of them needs approval of a group."""
    Scope.objects.bulk_create(Scope(name=name, words=name) for name in ("a:read", "a:write"))
    leads = Group.objects.create(name="Leads")
    TokenPolicy.objects.create(name="Writers", approval_scopes="a:write", approvers=leads)
    return leads


@pytest.fixture
def approver(leads: Group) -> User:
    user = User.objects.create_user(email="lead@example.com", password="")
    user.groups.add(leads)
    return user


@pytest.fixture
def token(issue: Issue, owner: User, approver: User) -> Token:
    return issue(scopes=["a:read", "a:write"], actor=Actor(owner))[0]


def decide(token: Token, person: User, *, approve: bool = True, reason: str = "") -> None:
    wanted = token.scope_requests.latest("pk")
    wanted.decide(person, approve=approve, reason=reason, actor=Actor(person))
    token.refresh_from_db()


def decisions(token: Token) -> list[str]:
    return list(token.scope_requests.order_by("pk").values_list("decision", flat=True))


def test_a_scope_waits_and_is_approved(token: Token, approver: User, owner: User) -> None:
    assert (token.scopes, token.pending_scopes) == (["a:read"], ["a:write"])
    wanted = token.scope_requests.get()
    assert (wanted.asked_by, wanted.approvers_id) == (owner, approver.groups.get().pk)
    decide(token, approver)
    assert (token.scopes, token.pending_scopes) == (["a:read", "a:write"], [])
    event = token.events.filter(kind=Event.Kind.SCOPE_APPROVED).get()
    assert (event.actor, event.detail) == (approver, "a:write by lead@example.com")


def test_a_scope_is_declined_with_a_reason(token: Token, approver: User) -> None:
    decide(token, approver, approve=False, reason="use a:read")
    assert (token.scopes, token.pending_scopes, decisions(token)) == (["a:read"], [], ["declined"])
    assert "use a:read" in token.events.get(kind=Event.Kind.SCOPE_DECLINED).detail
    token.change(
        name="x", description="", scopes=["a:read", "a:write"], allowed_addresses=[],
    )  # fmt: skip
    assert (token.pending_scopes, decisions(token)) == (["a:write"], ["declined", ""])


def who_may(token: Token, people: dict[str, User]) -> set[str]:
    found = ScopeRequest.objects.filter(token=token)
    return {who for who, each in people.items() if found.decidable_by(each).exists()}


def test_who_may_decide(
    token: Token, owner: User, teammate: User, approver: User, administrator: User
) -> None:
    leads = approver.groups.get()
    people = {
        "owner": owner, "teammate": teammate, "approver": approver, "boss": administrator
    }  # fmt: skip
    assert who_may(token, people) == {"approver"}
    owner.groups.add(leads)  # four eyes
    assert who_may(token, people) == {"approver"}
    approver.is_active = False
    approver.save()  # the group has nobody left: superusers may
    assert who_may(token, people) == {"boss"}
    teammate.groups.add(leads)
    assert who_may(token, people) == {"teammate"}
    token.scope_requests.update(asked_by=teammate)
    assert who_may(token, people) == {"boss"}
    with pytest.raises(AlreadyDecided):
        decide(token, owner)
    with pytest.raises(AlreadyDecided):
        decide(token, teammate)
    decide(token, administrator)
    assert token.pending_scopes == []


def test_the_second_decision_learns_of_the_first(token: Token, approver: User) -> None:
    decide(token, approver)
    with pytest.raises(AlreadyDecided) as error:
        decide(token, approver, approve=False)
    assert error.value.request.decided_by == approver
    assert decisions(token) == ["approved"]


@pytest.mark.parametrize("how", ["edited", "narrowed", "revoked", "deleted", "expired"])
def test_a_scope_is_withdrawn_while_it_waits(token: Token, approver: User, how: str) -> None:
    match how:
        case "edited":
            token.change(name="x", description="", scopes=["a:read"], allowed_addresses=[])
        case "narrowed":
            token.remove_scopes(["a:write"])
        case "revoked":
            token.revoke()
        case "deleted":
            Scope.objects.get(name="a:write").delete()
        case "expired":
            Token.objects.filter(pk=token.pk).update(expires_at=timezone.now())
    token.refresh_from_db()
    assert decisions(token) == ([""] if how == "expired" else ["withdrawn"])
    assert (token.pending_scopes == []) is (how not in {"revoked", "expired"})
    with pytest.raises(AlreadyDecided):
        decide(token, approver)
    assert token.scopes == ["a:read"]


def renewed(token: Token, owner: User) -> Token:
    end = timezone.now() + timedelta(days=30)
    return Token.objects.renew(
        token, expires_at=end, overlap=timedelta(hours=1), actor=Actor(owner)
    )[0]


def test_a_renewal_keeps_what_waits_waiting(token: Token, owner: User, approver: User) -> None:
    wanted = token.scope_requests.get()
    successor = renewed(token, owner)
    assert (successor.scopes, successor.pending_scopes) == (["a:read"], ["a:write"])
    assert successor.scope_requests.get() == wanted
    decide(successor, approver)
    assert successor.pending_scopes == []
    successor.revoke()  # the value was lost: what waits on the old token waits again
    again = renewed(Token.objects.get(pk=token.pk), owner)
    assert (again.pending_scopes, decisions(again)) == (["a:write"], [""])


def test_a_renewal_keeps_what_is_approved(token: Token, owner: User, approver: User) -> None:
    decide(token, approver)
    for _ in range(2):
        token = renewed(token, owner)
        assert (token.scopes, token.pending_scopes) == (["a:read", "a:write"], [])
    assert decisions(token) == ["approved"]
    other = Group.objects.create(name="Other")
    TokenPolicy.objects.update(approvers=other)  # another group has not approved
    assert renewed(token, owner).pending_scopes == ["a:write"]


@pytest.mark.parametrize("outcome", ["", "declined"])
def test_an_earlier_approval_does_not_count_for_a_renewal(
    token: Token, owner: User, approver: User, outcome: str
) -> None:
    decide(token, approver)
    kept: dict[str, Any] = {"name": "x", "description": "", "allowed_addresses": []}
    token.change(**kept, scopes=["a:read"])
    token.change(**kept, scopes=["a:read", "a:write"])  # asked again
    if outcome:
        decide(token, approver, approve=False)
        token.change(**kept, scopes=["a:read", "a:write"])
    new = renewed(token, owner)
    assert (new.scopes, new.pending_scopes) == (["a:read"], ["a:write"])


def test_two_policies_need_two_approvals(
    issue: Issue, owner: User, teammate: User, approver: User
) -> None:
    second = Group.objects.create(name="Second")
    teammate.groups.add(second)
    TokenPolicy.objects.create(name="Two", approval_scopes="a:*", approvers=second)
    token, _ = issue(scopes=["a:write"], actor=Actor(owner))
    first, other = token.scope_requests.order_by("approvers__name")
    first.decide(approver, approve=True, actor=None)
    token.refresh_from_db()
    assert token.pending_scopes == ["a:write"]
    other.decide(teammate, approve=True, actor=None)
    token.refresh_from_db()
    assert (token.scopes, token.pending_scopes) == (["a:write"], [])


def make(value: str) -> Any:
    body = {"name": "made", "scopes": ["a:write"]}
    return Client().post("/api/v1/tokens", body, "application/json", headers=bearer(value))


def test_a_program_can_give_only_what_was_approved(
    issue: Issue, owner: User, approver: User
) -> None:
    caller, value = issue(scopes=["a:write", "tokens:write"], actor=Actor(owner))
    assert make(value).status_code == 403  # it does not have the scope
    decide(caller, approver)
    made = make(value).json()
    assert (made["scopes"], made["pending_scopes"]) == (["a:write"], [])
    ScopeRequest.objects.filter(token=caller).delete()  # as if the policy had come later
    made = make(value).json()
    assert (made["scopes"], made["pending_scopes"]) == ([], ["a:write"])


def test_the_api_tells_and_keeps_what_waits(issue: Issue, owner: User, approver: User) -> None:
    token, value = issue(scopes=["a:write", "tokens:write", "tokens:read"], actor=Actor(owner))
    path = f"/api/v1/tokens/{token.identifier}"
    answer = Client().patch(path, {"name": "x"}, "application/json", headers=bearer(value))
    assert answer.json()["pending_scopes"] == ["a:write"]
    body = {"scopes": ["tokens:write", "tokens:read"]}
    answer = Client().patch(path, body, "application/json", headers=bearer(value))
    assert answer.json()["pending_scopes"] == []
    assert decisions(token) == ["withdrawn"]


def test_a_request_that_needs_the_scope_is_told_who_may_approve(
    issue: Issue, owner: User, approver: User
) -> None:
    TokenPolicy.objects.update(approval_scopes="tokens:read")
    _, value = issue(scopes=["tokens:read"], actor=Actor(owner))
    answer = Client().get("/api/v1/tokens", headers=bearer(value))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    words = "The scope tokens:read waits for approval: a member of Leads may approve."
    assert answer.json()["detail"] == words
    assert Client().get("/api/v1/token", headers=bearer(value)).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_approvers_and_the_owner_get_a_mail(
    token: Token, approver: User, administrator: User, owner: User
) -> None:
    assert send_approval_mails(timezone.now()) == 1
    assert send_approval_mails(timezone.now()) == 0
    [message] = mail.outbox
    assert message.to == [approver.email]
    assert message.subject == "a:write for “Production API” waits for your approval"
    assert f"/settings/approvals/#request-{token.scope_requests.get().pk}" in message.body
    decide(token, approver)
    notification = token.notifications.get(kind="scope_decided")
    assert notification.detail == "Approved: a:write by lead@example.com"
    assert "a:write by lead@example.com" in event_mail([notification]).body


def test_a_group_without_members_lets_superusers_know(
    token: Token, approver: User, administrator: User
) -> None:
    approver.groups.clear()
    send_approval_mails(timezone.now())
    assert [message.to for message in mail.outbox] == [[administrator.email]]


def test_a_token_with_a_scope_that_nobody_approved_breaks_the_policy(
    token: Token, approver: User
) -> None:
    policy = TokenPolicy.objects.get()
    found = Token.objects.filter(policy.broken_by())
    assert not found.exists()  # the scope waits
    decide(token, approver)
    assert not found.exists()
    token.scope_requests.all().delete()  # as if the policy had come later
    assert list(found) == [token]


def test_asking_again_and_again_fills_nothing(token: Token, approver: User) -> None:
    send_approval_mails(timezone.now())
    for scopes in ([], ["a:write"], [], ["a:write"]):
        token.change(name="x", description="", scopes=scopes, allowed_addresses=[])
    assert (token.pending_scopes, decisions(token)) == (["a:write"], [""])
    assert send_approval_mails(timezone.now()) == 0
    for days, mails in ((0.9, 0), (1.1, 1)):
        mailed_at = timezone.now() - timedelta(days=days)
        token.scope_requests.update(mailed_at=mailed_at)
        for scopes in ([], ["a:write"]):
            token.change(name="x", description="", scopes=scopes, allowed_addresses=[])
        assert send_approval_mails(timezone.now()) == mails
    decide(token, approver)
    assert token.scopes == ["a:write"]
    for scopes in ([], ["a:write"]):  # what was approved is asked for anew
        token.change(name="x", description="", scopes=scopes, allowed_addresses=[])
    assert (token.pending_scopes, decisions(token)) == (["a:write"], ["approved", ""])
