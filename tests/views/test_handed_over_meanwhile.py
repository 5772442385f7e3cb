"""A token gets another owner while a page changes it."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.conftest import Issue, page_of
from tests.teams import make_team
from tokens.models import Token

LIST = "/settings/tokens/"


@pytest.mark.parametrize(
    "path", ["{}/revoke/", "{}/edit/", "{}/narrow/", "{}/renew/", "revoke-selected/"]
)
def test_the_page_is_not_found(
    issue: Issue, owner_client: Client, teammate: User, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    token, _ = issue(scopes=[])
    lock = type(Token.objects.all()).locked_for

    def hand_over_first(queryset: Any, *owners: Any) -> Any:
        Token.objects.filter(pk=token.pk).update(owner=teammate)
        return lock(queryset, *owners)

    monkeypatch.setattr(type(Token.objects.all()), "locked_for", hand_over_first)
    sent = {
        "token": token.identifier, "name": "New", "description": "", "allowed_addresses": "",
        "expires": "90d", "overlap": "24h",
        "nonce": "n" * 22, "scope": "a:read",
    }  # fmt: skip
    response = owner_client.post(LIST + path.format(token.identifier), sent)
    assert response.status_code == 404
    token.refresh_from_db()
    assert (token.revoked_at, token.renewed_at, token.name) == (None, None, "Production API")


def test_the_team_that_gets_the_token_is_deleted(
    issue: Issue, owner: User, owner_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, _ = issue()
    team = make_team("billing-ci", owner)
    lock = type(Token.objects.all()).locked_for

    def delete_first(queryset: Any, *owners: Any) -> Any:
        monkeypatch.undo()
        team.dissolve(None)
        return lock(queryset, *owners)

    monkeypatch.setattr(type(Token.objects.all()), "locked_for", delete_first)
    sent = {"to": "team:billing-ci"}
    response = owner_client.post(f"{LIST}{token.identifier}/transfer/", sent)
    assert response.status_code == 422
    assert "The token no longer works, or has another owner now." in page_of(response)
    token.refresh_from_db()
    assert token.owner == owner
