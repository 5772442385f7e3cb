"""/settings/approvals/: what waits for whom, and the two buttons."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from accounts.models import User
from tests.conftest import Issue, page_of, signed_in
from tokens.models import (
    Actor,
    Event,
    Notification,
    Scope,
    ScopeRequest,
    Token,
    TokenPolicy,
)

PATH = "/settings/approvals/"


@pytest.fixture
def approver(db: None) -> User:
    Scope.objects.create(name="a:write", words="Write reports")
    leads = Group.objects.create(name="Leads")
    TokenPolicy.objects.create(name="Writers", approval_scopes="a:write", approvers=leads)
    user = User.objects.create_user(email="lead@example.com", password="")
    user.groups.add(leads)
    return user


@pytest.fixture
def token(issue: Issue, owner: User, approver: User) -> Token:
    return issue(scopes=["a:write"], actor=Actor(owner))[0]


@pytest.fixture
def people(
    owner_client: Client, teammate_client: Client, admin_client: Client, approver: User
) -> dict[str, Client]:
    auditor = User.objects.create_user(email="auditor@example.com", password="", is_staff=True)
    auditor.groups.add(Group.objects.get(name="Auditors"))
    return {
        "owner": owner_client, "teammate": teammate_client, "administrator": admin_client,
        "approver": signed_in(approver), "auditor": signed_in(auditor), "stranger": Client(),
    }  # fmt: skip


def chosen(token: Token, decision: str = "approve", **more: str) -> dict[str, str]:
    return {"request": str(token.scope_requests.latest("pk").pk), "decision": decision, **more}


def test_who_sees_what_waits(token: Token, people: dict[str, Client]) -> None:
    for who, client in people.items():
        answer = client.get(PATH)
        assert answer.status_code == (302 if who == "stranger" else 200), who
        page = page_of(answer)
        assert (token.name in page) is (who == "approver"), who
        has_link = '<span class="count">1</span>' in page
        assert has_link is (who == "approver"), who
        assert (f'href="{PATH}"' in page) is (who == "approver"), who


def test_who_may_decide(token: Token, people: dict[str, Client]) -> None:
    found = {
        who: client.post(PATH, chosen(token)).status_code
        for who, client in people.items()
        if who != "approver"
    }
    assert found == {
        "owner": 404, "teammate": 404, "administrator": 302, "auditor": 404, "stranger": 302,
    }  # fmt: skip
    token.refresh_from_db()
    assert token.pending_scopes == ["a:write"]
    assert people["approver"].post(PATH, chosen(token)).status_code == 302
    token.refresh_from_db()
    assert token.scopes == ["a:write"]


def test_the_page_says_what_is_asked(token: Token, approver: User) -> None:
    page = page_of(signed_in(approver).get(PATH))
    for words in (
        "Write reports", "owner@example.com", token.identifier, "Production", "Writers",
        "expires", ">Approve</button>", ">Decline</button>",
    ):  # fmt: skip
        assert words in page


def test_the_answers(token: Token, approver: User, administrator: User) -> None:
    client = signed_in(approver)
    page = page_of(client.post(PATH, chosen(token, "decline", reason="too much"), follow=True))
    assert "You declined a:write for “Production API”." in page
    assert "Nothing waits for you." in page
    page = page_of(client.post(PATH, chosen(token), follow=True))
    assert "Declined already: a:write by lead@example.com: too much." in page
    token.change(name="x", description="", scopes=["a:write"], allowed_addresses=[])
    token.change(name="x", description="", scopes=[], allowed_addresses=[])
    page = page_of(client.post(PATH, chosen(token), follow=True))
    assert "a:write is no longer wanted for “x”." in page


def test_the_last_decisions_are_shown(
    token: Token, approver: User, owner: User, people: dict[str, Client]
) -> None:
    issue_again = {"name": "<Second>", "description": "", "allowed_addresses": []}
    client = people["approver"]
    client.post(PATH, chosen(token, "decline", reason="too much"))
    token.change(**issue_again, scopes=["a:write"])  # type: ignore[arg-type]  # mixed types
    client.post(PATH, chosen(token))
    Token.objects.renew(  # copies the approval
        token, expires_at=token.expires_at, overlap=timedelta(0), actor=Actor(owner)
    )
    page = page_of(client.get(PATH))
    words = ["Approved ", "a:write by lead@example.com", "&lt;Second&gt;", "Declined ", "too much"]
    assert [word in page for word in words] == [True] * 5
    assert page.count("<bdi>a:write by") == 2
    assert page.index("Approved ") < page.index("Declined ")
    for who, other in people.items():
        seen = "Last decisions" in page_of(other.get(PATH))
        assert seen is (who in {"approver", "administrator"}), who


def test_nothing_is_decided_about_a_token_that_has_expired(token: Token, approver: User) -> None:
    Token.objects.filter(pk=token.pk).update(expires_at=timezone.now())
    page = page_of(signed_in(approver).post(PATH, chosen(token), follow=True))
    assert "“Production API” has expired, so nothing can be decided." in page
    token.refresh_from_db()
    assert token.scopes == []


def test_nothing_names_an_approver_whose_account_is_deleted(
    token: Token,
    approver: User,
    owner_client: Client,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    name = approver.email
    with django_capture_on_commit_callbacks(execute=True):
        signed_in(approver).post(PATH, chosen(token, "decline", reason="too much"))
    assert name in page_of(owner_client.get(token.get_absolute_url()))
    notification = Notification.objects.get(kind=Notification.Kind.SCOPE_DECIDED)
    assert name in notification.detail
    approver.delete()
    notification.refresh_from_db()
    assert notification.detail == "Declined: a:write: too much"
    assert token.events.get(kind=Event.Kind.SCOPE_DECLINED).detail == "a:write: too much"
    assert name not in page_of(owner_client.get(token.get_absolute_url()))


def test_an_administrator_waits_while_the_group_has_somebody(
    token: Token, approver: User, admin_client: Client
) -> None:
    words = "This request waits for somebody else"
    assert words in page_of(admin_client.post(PATH, chosen(token), follow=True))
    approver.groups.clear()
    assert token.name in page_of(admin_client.get(PATH))
    admin_client.post(PATH, chosen(token))
    token.refresh_from_db()
    assert token.scopes == ["a:write"]


def test_a_decision_needs_fresh_authentication(token: Token, approver: User) -> None:
    stale = signed_in(approver, seconds_ago=3600)
    answer = stale.post(PATH, chosen(token))
    assert "/accounts/reauthenticate/" in answer["Location"]
    assert token.scope_requests.get().decision == ""


@pytest.mark.parametrize(
    "typed",
    [{"decision": "maybe"}, {"request": "x"}, {"request": str(2**70)}, {"reason": "a\nb"},
     {"reason": "a" * 101}],
)  # fmt: skip
def test_what_nobody_can_send(token: Token, approver: User, typed: dict[str, str]) -> None:
    answer = signed_in(approver).post(PATH, chosen(token) | typed)
    assert answer.status_code == 422
    assert token.scope_requests.get().decision == ""


def test_the_pages_of_the_token_say_that_the_scope_waits(
    token: Token, owner_client: Client
) -> None:
    page = page_of(owner_client.get(token.get_absolute_url()))
    assert "Waits for approval" in page
    assert "by Leads" in page
    assert "1 scope waits for approval" in page_of(owner_client.get("/settings/tokens/"))
    page = page_of(owner_client.get(f"{token.get_absolute_url()}edit/"))
    assert 'value="a:write" id="scope-a:write" aria-describedby="words-a:write" checked' in page
    assert "needs approval: policy “Writers”" in page
    saved = {"name": "new name", "scopes": ["a:write"]}
    owner_client.post(f"{token.get_absolute_url()}edit/", saved)
    token.refresh_from_db()
    assert (token.name, token.pending_scopes) == ("new name", ["a:write"])


def test_many_requests_take_as_many_queries_as_one(
    issue: Issue, owner: User, approver: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = signed_in(approver)
    for _ in range(3):
        issue(scopes=["a:write"], actor=Actor(owner))
        # session, user, requests, words of scopes, decisions; the link: is an approver, number
        with django_assert_num_queries(7):
            client.get(PATH)
    assert ScopeRequest.objects.count() == 3
