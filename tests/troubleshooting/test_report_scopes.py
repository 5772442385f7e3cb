"""Troubleshoot: the answers for scopes that the person's own token lacks."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue
from tests.troubleshooting.refusals import call, paste
from tests.troubleshooting.test_report import PARTLY, WORKS
from tokens.models import Scope, TokenPolicy

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.troubleshooting.refusals")]


def test_a_scope_that_is_missing_and_later_is_not(
    issue: Issue, owner: User, owner_client: Client
) -> None:
    Scope.objects.bulk_create(
        Scope(name=name, words="May") for name in ("reports:read", "reports:write")
    )
    token, value = issue(scopes=["reports:read"])
    problem = call(f"Bearer {value}", "/api/report")
    for text in (value, problem["instance"]):
        shown = paste(owner_client, text)
        assert "Requests with it needed reports:write, which it lacks." in shown.text
        assert "GET /api/report" in shown.text
        assert shown.links["Add to this token"].endswith(
            "/edit/?scopes=reports:read,reports:write"
        )
        assert shown.links["Create a token with it"].endswith("&scopes=reports:read,reports:write")
    token.change(
        name="x", description="", scopes=["reports:read", "reports:write"], allowed_addresses=[]
    )
    shown = paste(owner_client, value)
    assert shown.headline == WORKS
    assert "It lacked a scope that it has now." in shown.text
    assert "It has the scopes reports:read and reports:write." in shown.text


def test_a_scope_that_does_not_count_now(issue: Issue, owner: User, owner_client: Client) -> None:
    finance = Group.objects.create(name="Finance")
    owner.groups.add(finance)
    Scope.objects.create(name="reports:write", words="May", group=finance)
    _, value = issue(scopes=["reports:write"])
    owner.groups.clear()
    assert call(f"Bearer {value}", "/api/report")["code"] == "insufficient_scope"
    shown = paste(owner_client, value)
    assert shown.headline == PARTLY
    assert "It has no scope that counts." in shown.text
    assert (
        "Scopes that do not count now: reports:write (not while you are outside Finance)."
        in shown.text
    )
    assert "Only members of its group may have reports:write: ask an administrator." in shown.text
    assert "Create a token with it" not in shown.links


@pytest.mark.parametrize("restricted", [True, False])
def test_a_scope_that_it_can_not_be_given(
    issue: Issue, owner_client: Client, restricted: bool
) -> None:
    """A restricted or unknown scope: no link leads to a form that cannot offer the scope."""
    if restricted:
        Scope.objects.create(
            name="reports:write", words="May", group=Group.objects.create(name="Finance")
        )
    _, value = issue()
    problem = call(f"Bearer {value}", "/api/report")
    for text in (value, problem["instance"]):
        shown = paste(owner_client, text)
        assert "Requests with it needed reports:write, which it lacks." in shown.text
        assert ("Only members of its group may have reports:write" in shown.text) == restricted
        assert (
            "No scope here has this name. Either the endpoint misspells" in shown.text
        ) != restricted
        assert not {"Add to this token", "Create a token with it"} & shown.links.keys()


@pytest.mark.usefixtures("each_way")
def test_many_scopes_that_it_lacks(issue: Issue, owner_client: Client) -> None:
    """The latest scopes are named. Those that the owner may add are offered."""
    _, value = issue()
    names = [f"made-up:n{number:02}" for number in range(30)]
    Scope.objects.create(name=names[20], words="May")
    for number, name in enumerate(names):
        with time_machine.travel(timezone.now() + timedelta(seconds=number), tick=False):
            call(f"Bearer {value}", f"/verify?scope={name}")
    shown = paste(owner_client, value)
    assert f"needed {', '.join(names[20:])} and 20 more, which it lacks." in shown.text
    assert f"Add {names[20]} to this token" in shown.text
    assert (
        f"No scope here has the name {', '.join(names[21:29])} or {names[29]}. Either"
        in shown.text
    )
    assert names[19] not in shown.text
    assert shown.links["Add to this token"].endswith(f"/edit/?scopes={names[20]}")


def test_a_scope_that_waits_for_approval(issue: Issue, owner_client: Client) -> None:
    Scope.objects.bulk_create(
        Scope(name=name, words="May") for name in ("a:read", "reports:write")
    )
    leads = Group.objects.create(name="Leads")
    TokenPolicy.objects.create(name="Writers", approval_scopes="reports:write", approvers=leads)
    _, value = issue(scopes=["a:read", "reports:write"])
    problem = call(f"Bearer {value}", "/api/report")
    assert "The scope reports:write waits for approval" in problem["detail"]
    shown = paste(owner_client, value)
    assert "reports:write waits for approval by Leads." in shown.text
    assert "Add to this token" not in shown.links
