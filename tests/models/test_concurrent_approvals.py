"""Several approvers, and an owner who edits, at the same time, on a real database."""

from collections import Counter

import pytest
from django.contrib.auth.models import Group

from accounts.models import User
from tests.conftest import Issue
from tests.models.test_concurrency import THREADS, at_once
from tokens.models import Actor, AlreadyDecided, Event, Scope, ScopeRequest, Token, TokenPolicy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def approvers(db: None) -> list[User]:
    leads = Group.objects.create(name="Leads")
    Scope.objects.bulk_create(Scope(name=name, words=name) for name in ("a:read", "a:write"))
    TokenPolicy.objects.create(name="Writers", approval_scopes="a:write", approvers=leads)
    people = [
        User.objects.create_user(email=f"lead{number}@example.com", password="")
        for number in range(THREADS)
    ]
    leads.user_set.set(people)
    return people


def decide_all(request_pk: int, approvers: list[User]) -> Counter[str]:
    """Let all approvers decide at once, every second one against the scope."""

    def decide(number: int) -> str:
        wanted = ScopeRequest.objects.select_related("token").get(pk=request_pk)
        person = approvers[number]
        try:
            wanted.decide(person, approve=number % 2 == 0, actor=Actor(person))
        except AlreadyDecided as error:
            return f"late, after {error.request.decided_by}"
        return f"first, {wanted.decision}"

    return at_once(decide)


def test_one_decision_wins_and_the_others_learn_whose(
    issue: Issue, owner: User, approvers: list[User]
) -> None:
    token, _ = issue(scopes=["a:read", "a:write"], actor=Actor(owner))
    wanted = token.scope_requests.get()
    answers = decide_all(wanted.pk, approvers)
    wanted.refresh_from_db()
    token.refresh_from_db()
    assert answers == {
        f"first, {wanted.decision}": 1, f"late, after {wanted.decided_by}": THREADS - 1
    }  # fmt: skip
    assert token.pending_scopes == []
    assert ("a:write" in token.scopes) is (wanted.decision == "approved")
    kinds = {Event.Kind.SCOPE_APPROVED, Event.Kind.SCOPE_DECLINED}
    assert token.events.filter(kind__in=kinds).count() == 1


def test_an_edit_and_approvals_at_once(issue: Issue, owner: User, approvers: list[User]) -> None:
    token, _ = issue(scopes=["a:read", "a:write"], actor=Actor(owner))
    pk = token.scope_requests.get().pk

    def work(number: int) -> str:
        if number == 0:
            Token.objects.get(pk=token.pk).remove_scopes(["a:write"])
            return "removed"
        wanted = ScopeRequest.objects.select_related("token").get(pk=pk)
        try:
            wanted.decide(approvers[number], approve=True, actor=Actor(approvers[number]))
        except AlreadyDecided:
            return "late"
        return "approved"

    answers = at_once(work)
    token.refresh_from_db()
    assert answers["removed"] == 1
    assert answers["approved"] <= 1
    assert (token.scopes, token.pending_scopes) == (["a:read"], [])
    assert not ScopeRequest.objects.waiting().exists()
