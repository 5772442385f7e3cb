"""GET /settings/tokens/<identifier>/, and that another person's answers 404 on every route and method."""

import pytest
from django.test import Client

from tests.conftest import Issue
from tokens.models import Event, Token

METHODS = ["get", "head", "post", "put", "patch", "delete", "options"]


def test_owner(issue: Issue, owner_client: Client) -> None:
    token, value = issue()
    response = owner_client.get(token.get_absolute_url())
    page = response.content.decode()
    for words in (token.name, token.identifier, "cURL", "Python", "JavaScript", "History", "Created"):
        assert words in page
    assert value[24:] not in page
    assert token.digest not in page


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", ["", "revoke/"])
def test_teammate_finds_nothing_and_changes_nothing(
    issue: Issue, teammate_client: Client, method: str, route: str
) -> None:
    token, _ = issue()
    before = Token.objects.values().get()
    response = getattr(teammate_client, method)(token.get_absolute_url() + route)
    assert response.status_code == 404
    assert token.name not in response.content.decode()
    assert Token.objects.values().get() == before
    assert Event.objects.count() == 1


def test_stranger(issue: Issue, stranger_client: Client) -> None:
    token, _ = issue()
    assert stranger_client.get(token.get_absolute_url()).status_code == 302


@pytest.mark.parametrize("identifier", ["x" * 24, "x" * 23, "x" * 73, "tkn_live_%00"])
def test_unknown(owner_client: Client, identifier: str) -> None:
    assert owner_client.get(f"/settings/tokens/{identifier}/").status_code == 404
