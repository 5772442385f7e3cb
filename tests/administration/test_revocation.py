"""Revocation by an administrator has a reason from a list, which the owner sees in Activity."""

import pytest
from django.test import Client

from accounts.models import User
from tests.administration.conftest import TOKENS, change
from tests.conftest import Issue, bearer, page_of, signed_in
from tests.records import program
from tokens.administration.revocation import REASONS
from tokens.models import Event, Token


def revoke(client: Client, *tokens: Token, **fields: str) -> str:
    chosen = {"action": "revoke", "_selected_action": [token.pk for token in tokens]}
    return page_of(client.post(TOKENS, chosen | fields, follow=True))


@pytest.mark.parametrize("reason", ["", *REASONS])
def test_the_event_has_the_reason(
    issue: Issue, owner: User, administrator: User, admin_client: Client, reason: str
) -> None:
    token, value = issue(name="Deploy")
    asked = revoke(admin_client, token)
    assert 'name="reason"' in asked
    assert "1 revoked." in revoke(admin_client, token, confirmed="yes", reason=reason)
    event = Event.objects.filter(kind="revoked").get()
    assert (event.detail, event.actor) == (reason, administrator)
    assert Client().get("/api/v1/token", headers=bearer(value)).json()["code"] == "revoked_token"
    activity = page_of(signed_in(owner).get("/settings/activity/?kind=revoked"))
    assert (f"<p><bdi>{reason}</bdi></p>" in activity) is bool(reason)


def test_another_reason_is_refused(issue: Issue, admin_client: Client) -> None:
    token, _ = issue()
    chosen = {"action": "revoke", "_selected_action": [token.pk], "confirmed": "yes"}
    answer = admin_client.post(TOKENS, chosen | {"reason": "because"})
    assert answer.status_code == 422
    assert "because is not one of the available choices" in page_of(answer)
    token.refresh_from_db()
    assert token.revoked_at is None


def test_tokens_made_with_it_have_the_same_reason(issue: Issue, admin_client: Client) -> None:
    maker, _ = issue()
    issue(actor=program(maker))
    revoke(admin_client, maker, confirmed="yes", reason="compromised", include_made="on")
    details = Event.objects.filter(kind="revoked").values_list("detail", flat=True)
    assert list(details) == ["compromised", "compromised"]


def test_the_page_lists_names_owners_and_last_use(
    issue: Issue, teammate: User, admin_client: Client
) -> None:
    used, _ = issue(name="Used <b>")
    change(used, last_used_at=used.created_at)
    unused, _ = issue(owner=teammate, name="Unused")
    page = revoke(admin_client, used, unused)
    assert "<bdi>Used &lt;b&gt;</bdi>" in page
    assert "<bdi>teammate@example.com</bdi>, never used" in page
    assert page.count("last used") == 1


def test_a_single_token(issue: Issue, admin_client: Client) -> None:
    token, _ = issue()
    path = f"{TOKENS}{token.pk}/revoke/"
    assert f'href="{path}"' in admin_client.get(f"{TOKENS}{token.pk}/change/").content.decode()
    page = page_of(admin_client.get(path))
    assert token.identifier in page
    assert f'<form method="post" action="{TOKENS}">' in page
    token.refresh_from_db()
    assert token.revoked_at is None
    revoke(admin_client, token, confirmed="yes", reason="owner left")
    assert f'href="{path}"' not in admin_client.get(f"{TOKENS}{token.pk}/change/").content.decode()
    assert admin_client.get(f"{TOKENS}{token.pk + 1}/revoke/").status_code == 404


def test_an_old_sign_in_is_confirmed_first(issue: Issue, administrator: User) -> None:
    token, _ = issue()
    client = signed_in(administrator, seconds_ago=3600)
    chosen = {"action": "revoke", "_selected_action": [token.pk], "confirmed": "yes"}
    assert "reauthenticate" in client.post(TOKENS, chosen)["Location"]
    token.refresh_from_db()
    assert token.revoked_at is None


def test_all_tokens_of_the_filter(issue: Issue, teammate: User, admin_client: Client) -> None:
    """“Select all” of several pages. The answer leads back to the list with its filters."""
    kept, _ = issue(name="Kept")
    theirs = [issue(owner=teammate, name=f"Theirs {number}")[0] for number in range(3)]
    filters = "q=teammate%40example.com&status=working"
    chosen = {"action": "revoke", "_selected_action": [theirs[0].pk], "select_across": "1"}
    asked = admin_client.post(f"{TOKENS}?{filters}", chosen)
    page = page_of(asked)
    assert page.count('name="_selected_action"') == 3
    back = f"{TOKENS}?{filters}".replace("&", "&amp;")
    assert f'<a href="{back}" class="button cancel-link">' in page
    form = {"_selected_action": [token.pk for token in theirs], "action": "revoke"}
    sent = {**form, "confirmed": "Revoke", "filters": asked.context["form"]["filters"].value()}
    answer = admin_client.post(TOKENS, sent)
    assert answer["Location"] == f"{TOKENS}?{filters}"
    assert not Token.objects.filter(owner=teammate).active().exists()
    kept.refresh_from_db()
    assert kept.revoked_at is None


@pytest.mark.parametrize("filters", ["//evil.example", "x\r\nSet-Cookie: a=b", "&&"])
def test_filters_lead_nowhere_else(issue: Issue, admin_client: Client, filters: str) -> None:
    token, _ = issue()
    chosen = {"action": "revoke", "_selected_action": [token.pk], "confirmed": "yes"}
    answer = admin_client.post(TOKENS, chosen | {"filters": filters})
    assert answer["Location"].partition("?")[0] == TOKENS
    assert "a" not in answer.cookies


def test_too_many_at_once(
    issue: Issue, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.administration.revocation.MAX_REVOKED_TOKENS", 1)
    tokens = [issue()[0], issue()[0]]
    page = revoke(admin_client, *tokens, confirmed="yes", reason="compromised")
    assert "Select at most 1 tokens. No token was revoked." in page
    assert Token.objects.active().count() == 2


@pytest.mark.parametrize("path", [TOKENS, "/admin/accounts/user/", "/admin/auth/group/"])
@pytest.mark.parametrize("key", ["x", "1e3", "'", "1;2"])
def test_a_selection_without_keys(admin_client: Client, path: str, key: str) -> None:
    action = "revoke" if path == TOKENS else "delete_selected"
    answer = admin_client.post(path, {"action": action, "_selected_action": [key]})
    assert answer.status_code == 400


def test_a_form_of_another_site(issue: Issue, administrator: User) -> None:
    token, _ = issue()
    client = Client(enforce_csrf_checks=True)
    client.cookies = signed_in(administrator).cookies
    chosen = {"action": "revoke", "_selected_action": [token.pk], "confirmed": "yes"}
    for path in (TOKENS, f"{TOKENS}overview/", f"{TOKENS}{token.pk}/revoke/"):
        assert client.post(path, chosen).status_code == 403, path
    token.refresh_from_db()
    assert token.revoked_at is None
