"""/admin/tokens/tokenpolicy/: the form with a preview, the report, and mails to owners."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.core.checks import run_checks
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.administration.conftest import OVERVIEW, TOKENS, change
from tests.conftest import Issue, page_of
from tokens.models import Notification, Scope, Token, TokenPolicy
from tokens.notifications.emails import event_mail
from tokens.token_settings import TokenSettings

POLICIES = "/admin/tokens/tokenpolicy/"
ADD = f"{POLICIES}add/"
GOOD = {"name": "Names", "name_pattern": "team-*"}


@pytest.mark.parametrize("page", ["", "add/", "{pk}/change/"])
def test_who_may_look(everybody: dict[str, Client], page: str) -> None:
    policy = TokenPolicy.objects.create(name="Names", name_pattern="team-*")
    for who, client in everybody.items():
        answer = client.get(POLICIES + page.format(pk=policy.pk))
        auditor = 403 if page == "add/" else 200
        expected = {"staff": 403, "auditor": auditor, "administrator": 200}.get(who, 302)
        assert answer.status_code == expected, who


def test_who_may_change(everybody: dict[str, Client], issue: Issue) -> None:
    issue()
    policy = TokenPolicy.objects.create(name="Names", name_pattern="team-*")
    preview = GOOD | {"_preview": "yes"}
    for who, client in everybody.items():
        change_path = f"{POLICIES}{policy.pk}/change/"
        chosen = {"action": "tell", "_selected_action": [policy.pk]}
        answers = [
            client.post(change_path, GOOD | {"name": "Other"}).status_code,
            client.post(change_path, preview).status_code,
            client.post(ADD, preview).status_code,
        ]
        client.post(POLICIES, chosen)
        if who == "administrator":
            assert answers == [302, 200, 200]
            assert Notification.objects.filter(kind="broken_policy").count() == 1
        else:
            assert answers == (
                [302] * 3 if who in {"owner", "teammate", "stranger"} else [403] * 3
            )
            assert TokenPolicy.objects.get().name == "Names"
            assert not Notification.objects.filter(kind="broken_policy").exists()


def test_a_preview_says_whom_a_policy_would_touch_and_saves_nothing(
    admin_client: Client, issue: Issue, teammate: User
) -> None:
    issue(name="billing")
    issue(name="shop", owner=teammate)
    issue(name="team-a")
    change(issue(name="ended")[0], revoked_at=timezone.now())
    page = page_of(admin_client.post(ADD, GOOD | {"_preview": "yes"}))
    assert "2 working tokens of 2 owners break this policy" in page
    assert "billing" in page
    assert "shop" in page
    assert "team-a" not in page
    assert 'value="team-*"' in page  # the form keeps what was typed
    assert not TokenPolicy.objects.exists()
    assert admin_client.post(ADD, GOOD).status_code == 302
    assert TokenPolicy.objects.get().name_pattern == "team-*"
    assert LogEntry.objects.get().object_repr == "Names"
    page = page_of(admin_client.get(f"{POLICIES}{TokenPolicy.objects.get().pk}/change/"))
    assert "2 working tokens of 2 owners break this policy" in page


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"allowed_scopes": "reports"}, "allowed_scopes"),
        ({"allowed_scopes": "nothing:*"}, "allowed_scopes"),
        ({"allowed_scopes": "a:read\nb:read"}, "allowed_scopes"),
        ({"approval_scopes": "nothing:*", "approvers": "{group}"}, "approval_scopes"),
        ({"approval_scopes": "a:read"}, "approvers"),
        ({"name_pattern": "[ab]*"}, "name_pattern"),
        ({"max_days": "0"}, "max_days"),
        ({"max_tokens": "0"}, "max_tokens"),
        ({"name": ""}, "name"),
    ],
)
def test_wrong_values(admin_client: Client, typed: dict[str, str], field: str) -> None:
    Scope.objects.create(name="a:read", words="Read")
    group = Group.objects.create(name="Leads")
    typed = {name: value.format(group=group.pk) for name, value in typed.items()}
    for button in ({}, {"_preview": "yes"}):
        page = admin_client.post(ADD, GOOD | typed | button)
        assert list(page.context["adminform"].form.errors) == [field]
    assert not TokenPolicy.objects.exists()


def test_the_name_of_a_policy_is_one_line(admin_client: Client) -> None:
    assert admin_client.post(ADD, GOOD | {"name": "two\nlines\x1b[1m"}).status_code == 302
    assert TokenPolicy.objects.get().name.isprintable()


def test_a_second_factor_that_nobody_can_ask_for(
    admin_client: Client, token_settings: TokenSettings
) -> None:
    TokenPolicy.objects.create(name="Factor", needs_second_factor=True)
    ids = [message.id for message in run_checks(databases=["default"])]
    assert "tokens.W004" not in ids
    token_settings.HAS_SECOND_FACTOR = None
    ids = [message.id for message in run_checks(databases=["default"])]
    assert "tokens.W004" in ids
    page = admin_client.post(ADD, GOOD | {"needs_second_factor": "on"})
    assert list(page.context["adminform"].form.errors) == ["needs_second_factor"]


@pytest.mark.parametrize(
    ("demands", "words"),
    [
        ({"max_days": 1}, "1 day at most"),
        ({"max_tokens": 1, "max_days": 2}, "2 days at most; 1 active token at most"),
        ({"allowed_scopes": "a:read"}, "scopes a:read"),
        ({"allowed_scopes": "a:read b:read c:read d:read"}, "scopes a:read, b:read, c:read …"),
        ({"approval_scopes": "a:read"}, "approval of a:read"),
        ({"name_pattern": "x*", "needs_addresses": True}, "addresses; names like x*"),
        ({}, ""),
    ],
)
def test_a_policy_in_words(demands: dict[str, Any], words: str) -> None:
    assert TokenPolicy(**demands).in_words == words


def broken_names(policy: TokenPolicy) -> set[str]:
    return set(Token.objects.filter(policy.broken_by()).values_list("name", flat=True))


@pytest.mark.parametrize(
    ("demands", "broken"),
    [
        ({"max_days": 50}, {"plain"}),
        ({"allowed_scopes": "a:*"}, {"both"}),
        ({"allowed_scopes": "a:read b:read"}, set()),
        ({"needs_addresses": True}, {"plain", "both"}),
        ({"max_tokens": 2}, {"plain", "both", "closed"}),
        ({"max_tokens": 3}, set()),
        ({"name_pattern": "*l*"}, {"both"}),
        ({"name_pattern": "?????"}, {"both", "closed"}),
        ({"name_pattern": "PLAIN"}, {"plain", "both", "closed"}),
        ({"name_pattern": "%"}, {"plain", "both", "closed"}),
        ({"needs_second_factor": True}, set()),
        ({}, set()),
    ],
)
def test_which_stored_tokens_break_a_policy(
    issue: Issue, owner: User, teammate: User, demands: dict[str, Any], broken: set[str]
) -> None:
    Scope.objects.bulk_create(Scope(name=name, words=name) for name in ("a:read", "b:read"))
    soon = timezone.now() + timedelta(days=40)
    issue(name="plain")
    issue(name="both", scopes=["a:read", "b:read"], expires_at=soon, allowed_addresses=["::/0"])
    issue(name="closed", expires_at=soon, allowed_addresses=["10.0.0.0/8", "fc00::/7"])
    assert broken_names(TokenPolicy(**demands)) == broken
    assert broken_names(TokenPolicy(**demands, environment="test")) == set()
    group = Group.objects.create(name="CI")
    teammate.groups.add(group)
    assert broken_names(TokenPolicy(**demands, group=group)) == set()
    owner.groups.add(group)
    assert broken_names(TokenPolicy(**demands, group=group, environment="live")) == broken


@pytest.mark.parametrize(
    ("networks", "is_broken"),
    [
        (["0.0.0.0/1", "128.0.0.0/1"], True),
        (["10.0.0.0/8", "2000::/3"], True),
        (["::/0", "10.0.0.0/8"], True),
        (["10.0.0.0/8", "192.0.2.0/27"], False),
        (["2001:db8::/32", "::1/128"], False),
    ],
)
def test_wide_networks_are_no_addresses(
    issue: Issue, networks: list[str], is_broken: bool
) -> None:
    issue(name="some", allowed_addresses=networks)
    assert broken_names(TokenPolicy(needs_addresses=True)) == ({"some"} if is_broken else set())


def test_the_overview_and_the_list_show_broken_policies(
    admin_client: Client, issue: Issue
) -> None:
    issue(name="billing")
    issue(name="team-a", environment="test")
    first = TokenPolicy.objects.create(name="Names", name_pattern="team-*")
    second = TokenPolicy.objects.create(name="Short", max_days=10, environment="test")
    page = page_of(admin_client.get(OVERVIEW))
    assert "that break a policy" in page
    assert f"{TOKENS}?status=working&amp;policy=broken" in page
    found: list[tuple[Any, set[str]]] = [
        ("broken", {"billing", "team-a"}), (first.pk, {"billing"}), (second.pk, {"team-a"}),
        (999, set()), ("9" * 40, set()),
    ]  # fmt: skip
    for query, names in found:
        listed = admin_client.get(TOKENS, {"policy": query}).context["cl"].queryset
        assert {token.name for token in listed} == names
        file = b"".join(admin_client.get(f"{TOKENS}export.csv", {"policy": query})).decode()
        assert ("billing" in file) is ("billing" in names)
    assert "1 token</a>" in page_of(admin_client.get(POLICIES))


def tell(client: Client, *policies: TokenPolicy) -> str:
    chosen = {"action": "tell", "_selected_action": [policy.pk for policy in policies]}
    return page_of(client.post(POLICIES, chosen, follow=True))


def test_owners_are_told_once_about_each_token_and_policy(
    admin_client: Client, issue: Issue
) -> None:
    token, _ = issue(name="billing")
    issue(name="team-a")
    names = TokenPolicy.objects.create(name="Names", name_pattern="team-*")
    short = TokenPolicy.objects.create(name="Short", max_days=10)
    assert "The owners of 1 token get a mail." in tell(admin_client, names)
    assert "All owners were told before" in tell(admin_client, names)
    assert "The owners of 2 tokens get a mail." in tell(admin_client, names, short)
    notification = token.notifications.get(kind="broken_policy")
    assert notification.detail == "Names, Short"
    Notification.objects.update(sent_at=timezone.now())
    later = TokenPolicy.objects.create(name="Later", needs_addresses=True)
    tell(admin_client, names, short, later)
    notification.refresh_from_db()
    assert (notification.detail, notification.sent_at) == ("Later", None)
    mail = event_mail([notification])
    assert mail.subject == "“billing” was found to break a policy"
    assert "Policy: Later" in " ".join(mail.body.split())
    assert mail.to == [token.owner.email]
