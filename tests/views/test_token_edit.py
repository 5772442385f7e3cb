"""GET and POST /settings/tokens/<identifier>/edit/"""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from accounts.models import User
from tests.conftest import Issue, signed_in
from tests.values import token_value
from tokens.models import Event, Scope, Token, WouldWiden

SAME = {
    "name": "Production API",
    "description": "",
    "scopes": ["a:read", "old:read"],
    "allowed_addresses": "10.0.0.0/8",
}


@pytest.fixture
def token(issue: Issue) -> Token:
    """Return a token with a deleted scope; the catalogue has one more scope."""
    Scope.objects.bulk_create(
        Scope(name=name, words=f"May {name}") for name in ("a:read", "a:write", "old:read")
    )
    token, _ = issue(scopes=["a:read", "old:read"], allowed_addresses=["10.0.0.0/8"])
    Scope.objects.get(name="old:read").delete()
    return token


def address(token: Token) -> str:
    return f"{token.get_absolute_url()}edit/"


def test_shows_the_token_as_it_is_and_what_cannot_change(
    token: Token, owner_client: Client
) -> None:
    page = owner_client.get(address(token)).content.decode()
    assert 'value="Production API"' in page
    assert ">\n10.0.0.0/8</textarea>" in page
    for name, ticked in {"a:read": True, "a:write": False, "old:read": True}.items():
        assert (" checked" in page.split(f'id="scope-{name}"')[1].split(">")[0]) == ticked
    for words in (
        "no longer in use: refused",
        "<dt>Environment</dt>",
        "<dt>Expiration</dt>",
        "<dt>Value</dt>",
    ):
        assert words in page


@pytest.mark.parametrize(
    ("change", "words", "wider"),
    [
        ({}, "Nothing was different, so nothing was changed.", False),
        ({"name": "Other"}, "Changed: name.", False),
        ({"description": "Nightly"}, "Changed: description.", False),
        ({"scopes": ["a:read"]}, "Changed: scopes.", False),
        ({"scopes": []}, "Changed: scopes.", False),
        ({"scopes": ["a:write"]}, "Changed: scopes.", True),
        ({"allowed_addresses": "10.1.0.0/16"}, "Changed: allowed addresses.", False),
        ({"allowed_addresses": "10.0.0.0/8 ::1"}, "Changed: allowed addresses.", True),
        ({"allowed_addresses": ""}, "Changed: allowed addresses.", True),
    ],
)
def test_narrower_at_once_and_wider_after_confirming(
    token: Token, owner: User, change: dict[str, Any], words: str, wider: bool
) -> None:
    client, before = signed_in(owner, seconds_ago=3600), Token.objects.values().get()
    response = client.post(address(token), SAME | change)
    if wider:
        assert Token.objects.values().get() == before
        back = parse_qs(urlsplit(response["Location"]).query, keep_blank_values=True)["next"][0]
        form = client.get(back).context["form"]
        kept = {name: form[name].value() for name in SAME}
        assert {
            **kept,
            "allowed_addresses": " ".join(kept["allowed_addresses"].split()),
        } == SAME | change
        client = signed_in(owner)
        response = client.post(address(token), SAME | change)
    assert response["Location"] == token.get_absolute_url()
    assert words in client.get(token.get_absolute_url()).content.decode()
    kinds = [event.kind for event in Event.objects.all()]
    assert kinds == (["changed", "created"] if change else ["created"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"description": "two\nlines"}, "description"),
        ({"description": token_value()}, "description"),
        ({"scopes": ["b:read"]}, "scopes"),
        ({"allowed_addresses": "10.0.0.1/8"}, "allowed_addresses"),
    ],
)
def test_errors_are_beside_their_field(
    token: Token, owner_client: Client, change: dict[str, Any], field: str
) -> None:
    response = owner_client.post(address(token), SAME | change)
    assert (response.status_code, list(response.context["form"].errors)) == (422, [field])
    assert response.content.decode().count(" autofocus") == 1
    assert Event.objects.count() == 1


def test_a_revoked_token_stays_as_it_was(token: Token, owner_client: Client) -> None:
    token.revoke()
    assert "You can't change a revoked token" in owner_client.get(address(token)).content.decode()
    response = owner_client.post(address(token), SAME | {"name": "Other"})
    assert response.status_code == 409
    assert "You can't change a revoked token" in response.content.decode()
    token.refresh_from_db()
    assert token.name == "Production API"


def test_wider_is_judged_by_the_token_as_it_is_in_the_end(token: Token) -> None:
    """Another page may have narrowed the token since this page was loaded."""
    same: dict[str, Any] = {
        "name": token.name,
        "description": "",
        "scopes": ["a:read"],
        "allowed_addresses": token.allowed_addresses,
    }
    token.change(**{**same, "scopes": [], "allowed_addresses": ["10.0.0.1/32"]})
    with pytest.raises(WouldWiden):
        token.change(**same, may_widen=False)
    token.refresh_from_db()
    assert (token.scopes, token.allowed_addresses) == ([], ["10.0.0.1/32"])
    assert token.change(**same) == ["scopes", "allowed addresses"]


def test_teammate(token: Token, teammate_client: Client) -> None:
    assert teammate_client.post(address(token), SAME | {"name": "Mine"}).status_code == 404
    assert Event.objects.count() == 1


def test_stranger(token: Token, stranger_client: Client) -> None:
    assert stranger_client.post(address(token), SAME | {"name": "Mine"}).status_code == 302
    assert Event.objects.count() == 1
