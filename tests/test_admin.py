"""Django admin: scopes, and tokens that an administrator can revoke or limit but not create."""

import html
import re

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue, bearer, page_of, signed_in
from tests.records import program
from tokens.administration import revocation
from tokens.models import Event, Notification, Scope, Token, scope

LIST = "/admin/tokens/token/"
SCOPES = "/admin/tokens/scope/"


def test_sign_in_is_everyones(client: Client, db: None) -> None:
    assert client.get("/admin/")["Location"] == "/admin/login/?next=/admin/"
    response = client.get("/admin/login/?next=/admin/")
    assert response["Location"].startswith("/accounts/login/?next=")


def test_people_without_rights_are_refused(owner_client: Client) -> None:
    assert owner_client.get("/admin/").status_code in {302, 403}
    assert owner_client.get("/admin/", follow=True).status_code == 403


def test_inventory(issue: Issue, admin_client: Client, owner: User) -> None:
    token, value = issue()
    queries = (f"?q={token.identifier}", f"?q={owner.email}", "?status=active")
    for path in ("", *queries, f"{token.pk}/change/"):
        page = admin_client.get(LIST + path).content.decode()
        for words in (token.name, token.identifier, owner.email, "Production", ">Active<"):
            assert words in page, path
        assert token.digest not in page
        assert value[24:] not in page
    assert token.identifier not in admin_client.get(f"{LIST}?status=revoked").content.decode()


@pytest.mark.parametrize("route", ["add/", "{pk}/change/", "{pk}/delete/"])
def test_nothing_can_be_made_changed_or_deleted(
    issue: Issue, admin_client: Client, route: str
) -> None:
    token, _ = issue()
    before = Token.objects.values().get()
    response = admin_client.post(
        LIST + route.format(pk=token.pk),
        {"name": "forged", "digest": "0" * 64, "scope": "a:b", "addresses": "::/0", "post": "yes"},
    )
    assert response.status_code == (302 if "change" in route else 403)
    assert Token.objects.values().get() == before
    event = Event.objects.get()
    assert (
        admin_client.post(
            f"/admin/tokens/event/{event.pk}/change/", {"kind": "revoked"}
        ).status_code
        == 403
    )
    assert (
        admin_client.post(f"/admin/tokens/event/{event.pk}/delete/", {"post": "yes"}).status_code
        == 403
    )


def test_revoke_asks_and_then_writes_who_did_it(
    issue: Issue, admin_client: Client, administrator: User
) -> None:
    token, value = issue()
    action = {"action": "revoke", "_selected_action": [token.pk]}
    asked = admin_client.post(LIST, action)
    assert "This can't be undone." in page_of(asked)
    token.refresh_from_db()
    assert token.revoked_at is None
    done = admin_client.post(LIST, action | {"confirmed": "yes"}, follow=True)
    assert "1 revoked." in done.content.decode()
    assert Client().get("/api/v1/token", headers=bearer(value)).json()["code"] == "revoked_token"
    event = Event.objects.first()
    assert event is not None
    assert (event.kind, event.actor) == ("revoked", administrator)


@pytest.mark.parametrize(("sent", "left"), [({"include_made": "on"}, 0), ({}, 1)])
def test_revoke_ends_what_was_made_too(
    issue: Issue, admin_client: Client, sent: dict[str, str], left: int
) -> None:
    maker, _ = issue()
    issue(actor=program(maker))
    action = {"action": "revoke", "_selected_action": [maker.pk]}
    page = page_of(admin_client.post(LIST, action))
    assert "1 token made with this token still works" in page
    assert re.search(r'name="include_made"[^>]* checked', page)
    done = admin_client.post(
        LIST, action | {"confirmed": "yes"} | sent, follow=True
    ).content.decode()
    assert f"{2 - left} revoked." in done
    assert Token.objects.active().count() == left


def test_revoke_takes_no_more_than_it_can_show(
    issue: Issue, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation, "MAX_REVOKED_TOKENS", 1)
    chosen = {"action": "revoke", "_selected_action": [issue()[0].pk, issue()[0].pk]}
    for confirmed in ({}, {"confirmed": "yes"}):
        answer = admin_client.post(LIST, chosen | confirmed, follow=True)
        assert "Select at most 1 tokens" in answer.content.decode()
    assert not Token.objects.exclude(revoked_at=None).exists()


def test_groups_are_searched_for_and_not_all_listed(
    admin_client: Client, administrator: User
) -> None:
    Group.objects.bulk_create(Group(name=f"Group {number}") for number in range(50))
    for path in (
        f"{SCOPES}add/",
        f"/admin/accounts/user/{administrator.pk}/change/",
        "/admin/accounts/user/",
    ):
        assert "Group 49" not in admin_client.get(path).content.decode()


def test_the_catalogue_has_an_end(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope, "MAX_SCOPES", Scope.objects.count())
    page = admin_client.post(
        f"{SCOPES}add/", {"name": "reports:read", "words": "Read reports"}
    ).content.decode()
    assert "the most that a form can offer" in page
    assert not Scope.objects.filter(name="reports:read").exists()


def test_revoke_needs_the_permission(issue: Issue, owner: User) -> None:
    token, _ = issue()
    staff(owner, "view_token").post(
        LIST, {"action": "revoke", "_selected_action": [token.pk], "confirmed": "yes"}
    )
    token.refresh_from_db()
    assert token.revoked_at is None


@pytest.mark.parametrize(
    "lookup", ["name__regex", "digest__startswith", "owner__password__startswith", "digest"]
)
def test_no_condition_but_the_listed_ones(issue: Issue, admin_client: Client, lookup: str) -> None:
    issue()
    assert admin_client.get(LIST, {lookup: "a"}).status_code == 400
    assert admin_client.get(LIST, {"environment__exact": "live"}).status_code == 200


def test_events_are_there_to_read(issue: Issue, admin_client: Client) -> None:
    token, _ = issue()
    assert token.identifier in admin_client.get("/admin/tokens/event/").content.decode()


def staff(user: User, *permissions: str) -> Client:
    user.is_staff = True
    user.save()
    user.user_permissions.add(*Permission.objects.filter(codename__in=permissions))
    return signed_in(user)


@pytest.mark.parametrize("limit", ["10/minute", "10/second;1000/hour", "5 per minute", ""])
def test_a_rate_limit_of_its_own(
    issue: Issue, admin_client: Client, administrator: User, limit: str
) -> None:
    token, _ = issue()
    token.set_rate_limit("1/day")
    page = admin_client.get(f"{LIST}{token.pk}/change/").content.decode()
    assert "Leave empty for the usual limit, 1000/hour." in page
    form = page.split('id="token_form"')[1]
    names = re.findall(r'<(?:input|select|textarea)[^>]* name="(\w+)"', form)
    assert names == ["csrfmiddlewaretoken", "rate_limit", "_save", "_continue"]
    response = admin_client.post(f"{LIST}{token.pk}/change/", {"rate_limit": limit})
    assert response.status_code == 302
    token.refresh_from_db()
    assert token.rate_limit == limit
    event = Event.objects.first()
    assert event is not None
    assert (event.kind, event.actor, event.detail) == (
        "limited",
        administrator,
        "1/day → " + (limit or "the installation's"),
    )
    for path in ("/admin/tokens/event/", f"/admin/tokens/event/{event.pk}/change/"):
        assert event.detail in html.unescape(admin_client.get(path).content.decode())


def test_an_unchanged_rate_limit_is_no_event(issue: Issue, admin_client: Client) -> None:
    token, _ = issue()
    assert admin_client.post(f"{LIST}{token.pk}/change/", {"rate_limit": ""}).status_code == 302
    assert [event.kind for event in Event.objects.all()] == ["created"]


@pytest.mark.parametrize(
    "limit", ["nonsense", "0/minute", "10/minute;nonsense", "-1/hour", "10/minute" * 20]
)
def test_a_wrong_rate_limit_is_not_kept(issue: Issue, admin_client: Client, limit: str) -> None:
    token, _ = issue()
    response = admin_client.post(f"{LIST}{token.pk}/change/", {"rate_limit": limit})
    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == ["rate_limit"]
    token.refresh_from_db()
    assert token.rate_limit == ""
    assert Event.objects.count() == 1


def test_limiting_needs_the_permission(issue: Issue, owner: User) -> None:
    token, _ = issue()
    looker = staff(owner, "view_token")
    page = looker.get(f"{LIST}{token.pk}/change/")
    assert page.status_code == 200
    assert b'name="rate_limit"' not in page.content
    assert looker.post(f"{LIST}{token.pk}/change/", {"rate_limit": "1/day"}).status_code == 403
    token.refresh_from_db()
    assert token.rate_limit == ""


def test_the_catalogue_is_edited_here(admin_client: Client) -> None:
    finance = Group.objects.create(name="Finance")
    page = f"{SCOPES}add/"
    wrong = admin_client.post(page, {"name": "Reports", "words": "Read reports"})
    assert "resource:action in lower case" in wrong.content.decode()
    assert (
        admin_client.post(page, {"name": "reports:read", "words": "Read reports"}).status_code
        == 302
    )
    scope = Scope.objects.get(name="reports:read")
    changed = {"name": "reports:all", "words": "See reports", "group": finance.pk}
    assert admin_client.post(f"{SCOPES}{scope.pk}/change/", changed).status_code == 302
    scope.refresh_from_db()
    assert (scope.name, scope.words, scope.group) == ("reports:read", "See reports", finance)
    assert "Finance" in admin_client.get(f"{SCOPES}?q=finance").content.decode()


def test_restricting_a_scope_reaches_the_tokens_that_hold_it(
    issue: Issue, admin_client: Client
) -> None:
    scope = Scope.objects.create(name="reports:read", words="Read reports")
    token, _ = issue(scopes=["reports:read"])
    group = Group.objects.create(name="Finance")
    admin_client.post(f"{SCOPES}{scope.pk}/change/", {"words": "Read reports", "group": group.pk})
    token.refresh_from_db()
    assert token.has_restricted_scopes


@pytest.mark.parametrize("how", ["one", "selected"])
def test_deleting_a_scope_says_what_it_does_and_reaches_tokens(
    issue: Issue, admin_client: Client, how: str
) -> None:
    scope = Scope.objects.create(name="reports:read", words="Read reports")
    token, _ = issue(scopes=["reports:read"])
    path = f"{SCOPES}{scope.pk}/delete/" if how == "one" else SCOPES
    data = (
        {"action": "delete_selected", "_selected_action": [scope.pk]} if how == "selected" else {}
    )
    asked = admin_client.get(path) if how == "one" else admin_client.post(path, data)
    assert "From the next request on, endpoints that need" in page_of(asked)
    assert admin_client.post(path, data | {"post": "yes"}).status_code == 302
    assert not Scope.objects.filter(name="reports:read").exists()
    token.refresh_from_db()
    assert token.has_restricted_scopes


@pytest.mark.parametrize(
    "lookup", ["name__regex", "group__user__password__startswith", "words__iregex"]
)
def test_no_condition_on_scopes(admin_client: Client, lookup: str) -> None:
    assert admin_client.get(SCOPES, {lookup: "a"}).status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/admin/tokens/event/?kind__exact=%00",
        "/admin/autocomplete/?term=%00&app_label=tokens&model_name=token&field_name=owner",
    ],
)
def test_a_null_character_is_no_failure_of_ours(admin_client: Client, path: str) -> None:
    assert admin_client.get(path).status_code == 400


@pytest.mark.parametrize(
    ("progress", "shown"),
    [("waiting", {"Created"}), ("failed", {"Renewed"}), ("sent", {"Expired"})],
)
def test_notifications_say_what_kept_them_from_being_sent(
    issue: Issue, admin_client: Client, progress: str, shown: set[str]
) -> None:
    token, value = issue()
    Notification.objects.all().delete()
    Notification.objects.create(token=token, kind="created")
    Notification.objects.create(token=token, kind="renewed", problem="553 5.7.1 <b>refused</b>")
    Notification.objects.create(token=token, kind="expired", sent_at=timezone.now())
    page = admin_client.get(f"/admin/tokens/notification/?progress={progress}").content.decode()
    assert set(re.findall(r"<a [^>]*/change/[^>]*>|field-kind\">(\w+)", page)) - {""} == shown
    assert ("553 5.7.1 &lt;b&gt;refused&lt;/b&gt;" in page) is (progress == "failed")
    assert value[24:] not in page
