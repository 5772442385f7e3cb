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
    page = revoke(admin_client, token, confirmed="yes", reason="because")
    assert "because is not one of the available choices" in page
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
