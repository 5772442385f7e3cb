"""/admin/tokens/token/leaving/, and the ways to it: nobody is let go without a choice."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue, bearer, page_of, signed_in
from tests.records import a_record
from tests.teams import make_team
from tokens.models import Event, Leaver, Membership, Team, Token
from tokens.models.leaving import tokens_astray
from tokens.token_settings import TokenSettings
from tokens.usage.recorder import recorder

LEAVING = "/admin/tokens/token/leaving/"
ACCOUNTS = "/admin/accounts/user/"


def leaving(*accounts: User, then: str = "off") -> str:
    query = "".join(f"account={account.pk}&" for account in accounts)
    return f"{LEAVING}?{query}then={then}"


def exists(account: User) -> bool:
    return User.objects.filter(pk=account.pk).exists()


def is_on(account: User) -> bool:
    return User.objects.filter(pk=account.pk, is_active=True).exists()


def code(value: str) -> str:
    answer = Client().get("/verify", headers=bearer(value))
    return "ok" if answer.status_code == 200 else str(answer.json()["code"])


def asked_about(answer: Any) -> tuple[list[str], list[str]]:
    """Return the accounts and the purpose of the page to which `answer` leads."""
    url = urlsplit(answer["Location"])
    assert (answer.status_code, url.path) == (302, LEAVING)
    query = parse_qs(url.query)
    return query["account"], query["then"]


# The ways to the page


def test_unticking_leads_to_the_page(issue: Issue, owner: User, admin_client: Client) -> None:
    issue()
    path = f"{ACCOUNTS}{owner.pk}/change/"
    answer = admin_client.post(path, {"email": owner.email, "name": "Renamed"})
    assert asked_about(answer) == ([str(owner.pk)], ["off"])
    kept = User.objects.get(pk=owner.pk)
    assert (kept.is_active, kept.name) == (True, "Renamed")


def test_without_tokens_unticking_is_enough(owner: User, admin_client: Client) -> None:
    admin_client.post(f"{ACCOUNTS}{owner.pk}/change/", {"email": owner.email})
    assert not is_on(owner)


@pytest.mark.parametrize("sent", [{}, {"post": "yes"}])
def test_deleting_leads_to_the_page(
    issue: Issue, owner: User, admin_client: Client, sent: dict[str, str]
) -> None:
    issue()
    answer = admin_client.post(f"{ACCOUNTS}{owner.pk}/delete/", sent)
    assert asked_about(answer) == ([str(owner.pk)], ["delete"])
    assert exists(owner)


@pytest.mark.parametrize(
    ("action", "then"), [("delete_selected", "delete"), ("switch_off", "off")]
)
def test_actions_lead_to_the_page(
    issue: Issue, owner: User, admin_client: Client, action: str, then: str
) -> None:
    issue()
    other = User.objects.create_user(email="other@example.com")
    chosen = {"action": action, "_selected_action": [owner.pk, other.pk]}
    for sent in (chosen, {**chosen, "post": "yes"}):
        answer = admin_client.post(ACCOUNTS, sent)
        keys, purpose = asked_about(answer)
        assert (sorted(keys), purpose) == (sorted([str(owner.pk), str(other.pk)]), [then])
    assert is_on(owner)
    assert is_on(other)


def test_accounts_without_tokens_are_deleted_as_ever(
    owner: User, teammate: User, admin_client: Client
) -> None:
    chosen = {"action": "delete_selected", "_selected_action": [owner.pk], "post": "yes"}
    admin_client.post(ACCOUNTS, chosen)
    admin_client.post(f"{ACCOUNTS}{teammate.pk}/delete/", {"post": "yes"})
    assert not exists(owner)
    assert not exists(teammate)


# What the page shows and does


def test_shows_what_hangs_on_the_account(issue: Issue, owner: User, admin_client: Client) -> None:
    token, _ = issue(name="CI")
    issue(name="old")
    recorder.record(a_record(token))
    recorder.flush()
    page = page_of(admin_client.get(leaving(owner)))
    assert "2 tokens work, 1 used in the last 7 days" in page
    assert f'<a href="/admin/tokens/token/{token.pk}/change/"><bdi>CI</bdi></a>' in page
    assert f"<code>{token.identifier}</code>" in page
    assert ": 1" in page.split("Callers, 7 days")[1]


@pytest.mark.parametrize("then", ["off", "delete"])
def test_nothing_happens_without_a_choice(
    issue: Issue, owner: User, admin_client: Client, then: str
) -> None:
    _, value = issue()
    for sent in ({}, {"outcome": "hand_over"}, {"outcome": "keep"}, {"outcome": "nonsense"}):
        answer = admin_client.post(leaving(owner, then=then), sent)
        assert answer.status_code == 422
    missing = page_of(admin_client.post(leaving(owner, then=then)))
    assert "Choose what happens to the tokens." in missing
    assert (exists(owner), is_on(owner), code(value)) == (True, True, "ok")


@pytest.mark.parametrize("then", ["off", "delete"])
def test_hand_over_to_a_team(
    issue: Issue, owner: User, teammate: User, admin_client: Client, then: str
) -> None:
    team = make_team("billing-ci", teammate)
    values = [issue()[1] for _ in range(3)]
    sent = {"outcome": "hand_over", "receiver": "team:billing-ci"}
    answer = admin_client.post(leaving(owner, then=then), sent, follow=True)
    done = {"off": "switched off", "delete": "deleted"}[then]
    assert f"1 account is {done}." in page_of(answer)
    assert not is_on(owner)
    assert exists(owner) == (then == "off")
    assert {code(value) for value in values} == {"ok"}
    assert Token.objects.filter(team=team).count() == 3


def test_several_accounts_at_once(
    issue: Issue, owner: User, administrator: User, teammate: User, admin_client: Client
) -> None:
    issue()
    issue(owner=teammate)
    receiver = User.objects.create_user(email="new@example.com")
    sent = {"outcome": "hand_over", "receiver": "NEW@example.com"}
    admin_client.post(leaving(owner, teammate, then="delete"), sent)
    assert [exists(owner), exists(teammate)] == [False, False]
    assert Token.objects.owned_by(receiver).count() == 2
    assert administrator.pk


def test_keep_until_a_day(issue: Issue, owner: User, admin_client: Client) -> None:
    _, value = issue()
    day = timezone.localdate() + timedelta(days=30)
    admin_client.post(leaving(owner), {"outcome": "keep", "until": day.isoformat()})
    assert (is_on(owner), code(value)) == (False, "ok")
    until = timezone.localtime(Leaver.objects.get().until)
    assert (until.date(), until.hour) == (day, 23)
    assert Token.objects.get().expires_at == Leaver.objects.get().until
    assert "Leaving until" in page_of(admin_client.get(f"{ACCOUNTS}{owner.pk}/change/"))
    assert not any(found.exists() for found in tokens_astray().values())


@pytest.mark.parametrize("days", [-1, 91])
def test_keep_at_most_90_days(issue: Issue, owner: User, admin_client: Client, days: int) -> None:
    issue()
    day = timezone.localdate() + timedelta(days=days)
    answer = admin_client.post(leaving(owner), {"outcome": "keep", "until": day.isoformat()})
    assert answer.status_code == 422
    assert "Choose a day within the next 90 days." in page_of(answer)
    assert is_on(owner)


@pytest.mark.parametrize("then", ["off", "delete"])
def test_end_now(issue: Issue, owner: User, admin_client: Client, then: str) -> None:
    _, value = issue()
    admin_client.post(leaving(owner, then=then), {"outcome": "end"})
    assert (is_on(owner), exists(owner)) == (False, then == "off")
    assert code(value) == ("revoked_token" if then == "off" else "unknown_token")
    event = Event.objects.get(kind="revoked")
    assert (event.detail, event.who) == ("owner left", "an administrator")


def test_a_full_team_keeps_everything_as_it_was(
    issue: Issue, owner: User, admin_client: Client, token_settings: TokenSettings
) -> None:
    make_team("billing-ci")
    _, value = issue()
    issue()
    token_settings.MAX_TOKENS_PER_USER = 1
    sent = {"outcome": "hand_over", "receiver": "team:billing-ci"}
    answer = admin_client.post(leaving(owner), sent)
    assert answer.status_code == 422
    assert "more than 1 active tokens" in page_of(answer)
    assert (is_on(owner), code(value)) == (True, "ok")
    assert not Event.objects.filter(kind="administered").exists()


@pytest.mark.parametrize("name", ["team:none", "nobody@example.com", "owner@example.com", "x"])
def test_a_wrong_receiver(issue: Issue, owner: User, admin_client: Client, name: str) -> None:
    issue()
    sent = {"outcome": "hand_over", "receiver": name}
    answer = admin_client.post(leaving(owner), sent)
    assert answer.status_code == 422
    assert "There is no such team or active person." in page_of(answer)
    assert is_on(owner)


def test_the_last_manager_of_a_team(owner: User, teammate: User, admin_client: Client) -> None:
    team = make_team("billing-ci", teammate, managers=(owner,))
    page = page_of(admin_client.get(leaving(owner)))
    assert "New manager of the team billing-ci" in page
    member = Membership.objects.get(user=teammate)
    admin_client.post(leaving(owner), {"manager_billing-ci": member.pk})
    assert not is_on(owner)
    assert not Team.objects.without_manager().exists()
    assert team.memberships.get(user=teammate).role == "manager"


# Who may


def test_fresh_authentication_is_needed(issue: Issue, owner: User, administrator: User) -> None:
    issue()
    client = signed_in(administrator, seconds_ago=3600)
    assert client.post(leaving(owner), {"outcome": "end"}).status_code == 302
    assert is_on(owner)


@pytest.mark.parametrize("method", ["get", "post"])
def test_who_may_let_accounts_go(
    issue: Issue, owner: User, everybody: dict[str, Client], method: str
) -> None:
    issue()
    sent = {"data": {"outcome": "end"}} if method == "post" else {}
    answers = {
        who: getattr(client, method)(leaving(owner), **sent).status_code
        for who, client in everybody.items()
        if who != "administrator"
    }
    # People without Staff status are asked to sign in with another account.
    assert answers == {
        "owner": 302, "teammate": 302, "auditor": 403, "staff": 403, "stranger": 302,
    }  # fmt: skip
    assert is_on(owner)


def test_not_oneself(issue: Issue, administrator: User, admin_client: Client) -> None:
    issue(owner=administrator)
    for then in ("off", "delete"):
        answer = admin_client.post(leaving(administrator, then=then), {"outcome": "end"})
        assert answer.status_code == 403


@pytest.mark.parametrize("query", ["", "account=", "account=x", "account=999999", "account=9e9"])
def test_unknown_accounts(admin_client: Client, query: str) -> None:
    assert admin_client.get(f"{LEAVING}?{query}").status_code == 404


def test_handing_over_needs_the_right_to_change_tokens(issue: Issue, owner: User) -> None:
    issue(name="secret name")
    make_team("billing-ci")
    staff = User.objects.create_user(email="hr@example.com", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="change_user"))
    client = signed_in(staff)
    assert "secret name" not in page_of(client.get(leaving(owner)))
    sent = {"outcome": "hand_over", "receiver": "team:billing-ci"}
    answer = client.post(leaving(owner), sent)
    assert answer.status_code == 422
    assert "Your account may not hand tokens over." in page_of(answer)
    client.post(leaving(owner), {"outcome": "end"})
    assert not is_on(owner)


def test_the_account_of_a_team_stays(admin_client: Client) -> None:
    team = make_team("billing-ci")
    for then in ("off", "delete"):
        # The list of accounts has only people.
        answer = admin_client.post(leaving(team.account, then=then), {"outcome": "end"})
        assert answer.status_code == 404
    assert is_on(team.account)
