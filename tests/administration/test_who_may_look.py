"""Owner, teammate, stranger, staff without permissions, auditor and administrator on each page."""

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models.signals import post_migrate
from django.test import Client
from django.urls import URLPattern, URLResolver

from accounts.models import User
from tests.administration.conftest import EVENTS, OVERVIEW, TOKENS
from tests.conftest import Issue, page_of
from tokens.administration.auditors import make_auditors
from tokens.models import Event, Token

READING = [
    OVERVIEW, TOKENS, f"{TOKENS}export.csv", f"{TOKENS}export.jsonl", f"{TOKENS}{{pk}}/change/",
    EVENTS, f"{EVENTS}export.csv", f"{EVENTS}export.jsonl", "/admin/tokens/scope/",
    "/admin/tokens/team/", "/admin/tokens/tokenpolicy/", "/admin/accounts/user/", "/admin/",
]  # fmt: skip
ANSWERS = {"staff": 403, "auditor": 200, "administrator": 200}


@pytest.mark.parametrize("path", READING)
def test_reading(issue: Issue, everybody: dict[str, Client], path: str) -> None:
    token, _ = issue()
    path = path.format(pk=token.pk)
    for who, client in everybody.items():
        answer = client.get(path)
        may = 200 if path == "/admin/" else 403
        expected = {**ANSWERS, "staff": may}.get(who, 302)
        assert answer.status_code == expected, who
        if expected == 302:
            assert answer["Location"] == f"/admin/login/?next={path}", who


@pytest.mark.parametrize("path", [OVERVIEW, f"{TOKENS}{{pk}}/revoke/"])
def test_asking(issue: Issue, everybody: dict[str, Client], path: str) -> None:
    token, _ = issue()
    path = path.format(pk=token.pk)
    is_question = path == OVERVIEW
    for who, client in everybody.items():
        answer = client.post(path, {"pasted": token.identifier})
        expected = {**ANSWERS, "auditor": 200 if is_question else 403}.get(who, 302)
        assert answer.status_code == expected, who
        assert (token.name in page_of(answer)) is (expected == 200), who


def test_an_auditor_changes_nothing(issue: Issue, auditor_client: Client, owner: User) -> None:
    token, _ = issue()
    scope = "/admin/tokens/scope/"
    before = (Token.objects.values().get(), Event.objects.count(), User.objects.count())
    chosen = {"action": "revoke", "_selected_action": [token.pk], "confirmed": "yes"}
    answers = {
        "revoke": auditor_client.post(TOKENS, chosen),
        "limit": auditor_client.post(f"{TOKENS}{token.pk}/change/", {"rate_limit": "1/day"}),
        "scope": auditor_client.post(f"{scope}add/", {"name": "a:read", "words": "Read"}),
        "account": auditor_client.post("/admin/accounts/user/add/", {"email": "a@example.com"}),
        "password": auditor_client.post(f"/admin/accounts/user/{owner.pk}/password/", {}),
        "off": auditor_client.post(f"/admin/accounts/user/{owner.pk}/change/", {}),
    }
    assert {name: answer.status_code for name, answer in answers.items() if name != "revoke"} == {
        "limit": 403, "scope": 403, "account": 403, "password": 403, "off": 403,
    }  # fmt: skip
    after = (Token.objects.values().get(), Event.objects.count(), User.objects.count())
    assert after == before


def test_an_auditor_sees_no_button_that_changes(issue: Issue, auditor_client: Client) -> None:
    token, _ = issue()
    auditor_client.post(OVERVIEW, {"pasted": token.identifier})
    for page in (
        page_of(auditor_client.get(TOKENS)),
        page_of(auditor_client.get(f"{TOKENS}{token.pk}/change/")),
        page_of(auditor_client.post(OVERVIEW, {"pasted": token.identifier})),
    ):
        for words in ("Revoke the selected", "/revoke/", 'name="_save"', 'name="action"'):
            assert words not in page


@pytest.mark.django_db
def test_what_auditors_may() -> None:
    group = Group.objects.get(name="Auditors")
    assert {permission.codename for permission in group.permissions.all()} == {
        "view_token", "view_event", "view_scope", "view_team", "view_tokenpolicy", "view_user",
    }  # fmt: skip


@pytest.mark.django_db
def test_the_group_is_made_once_and_a_changed_one_stays() -> None:
    group = Group.objects.get(name="Auditors")
    group.permissions.set([Permission.objects.get(codename="view_token")])
    make_auditors()
    assert group.permissions.count() == 1
    group.delete()
    make_auditors()
    assert Group.objects.get(name="Auditors").permissions.count() == 6
    assert post_migrate.has_listeners()


def admin_patterns(entries: list[URLPattern | URLResolver], lead: str) -> Iterator[str]:
    for entry in entries:
        path = lead + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from admin_patterns(entry.url_patterns, path)
        else:
            yield path


def test_nobody_can_act_as_somebody_else(
    issue: Issue, admin_client: Client, administrator: User, owner: User
) -> None:
    """Open and send each page of the administration with the owner's key: nobody else results."""
    issue()
    paths = list(admin_patterns(admin.site.get_urls(), "/admin/"))
    assert len(paths) > 30
    for pattern in paths:
        if "logout" in pattern or "login" in pattern:
            continue
        path = pattern.replace("<path:object_id>", str(owner.pk)).replace("<int:pk>", "1")
        path = path.replace("<id>", str(owner.pk)).replace("<path:content_type_id>", "1")
        for client_method in (admin_client.get, admin_client.post):
            answer = client_method(path)
            assert admin_client.session["_auth_user_id"] == str(administrator.pk), path
            assert answer.wsgi_request.user == administrator, path
        assert not {"impersonate", "hijack", "masquerade", "su"} & set(path.split("/")), path
