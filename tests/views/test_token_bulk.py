"""GET and POST /settings/tokens/revoke-selected/ and /settings/tokens/revoke-all/"""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue, page_of
from tests.records import program
from tokens.models import Event, Token

SELECTED = "/settings/tokens/revoke-selected/"
ALL = "/settings/tokens/revoke-all/"


def test_names_them_first_and_then_revokes_those_alone(issue: Issue, owner_client: Client) -> None:
    chosen = [issue(name=name)[0].identifier for name in ("one", "<b>two</b>")]
    issue(name="three")
    page = owner_client.get(SELECTED, {"token": chosen}).content.decode()
    for words in ("<bdi>one</bdi>", "&lt;b&gt;two&lt;/b&gt;", *chosen, "Revoke 2 tokens"):
        assert words in page
    assert "three" not in page
    assert Token.objects.active().count() == 3
    page = owner_client.post(SELECTED, {"token": chosen}, follow=True).content.decode()
    assert "2 tokens revoked. Requests with them fail from now on." in page
    assert [token.name for token in Token.objects.active()] == ["three"]
    assert Event.objects.filter(kind="revoked").count() == 2
    assert (
        "0 tokens revoked"
        in owner_client.post(SELECTED, {"token": chosen}, follow=True).content.decode()
    )
    assert Event.objects.filter(kind="revoked").count() == 2


def test_what_no_longer_works_is_left_out(issue: Issue, owner_client: Client) -> None:
    over, _ = issue(expires_at=timezone.now() - timedelta(days=1))
    for chosen in ([], [over.identifier]):
        assert (
            "You selected no token that still works"
            in owner_client.get(SELECTED, {"token": chosen}).content.decode()
        )


@pytest.mark.parametrize("identifier", ["", "\0", "x" * 24, "x" * 5000])
@pytest.mark.parametrize("method", ["get", "head", "post"])
def test_an_unknown_one_is_404_and_ends_nothing(
    issue: Issue, owner_client: Client, method: str, identifier: str
) -> None:
    token, _ = issue()
    response = getattr(owner_client, method)(SELECTED, {"token": [token.identifier, identifier]})
    assert response.status_code == 404
    assert Token.objects.active().count() == 1


@pytest.mark.parametrize("method", ["get", "head", "post"])
def test_teammate(issue: Issue, teammate_client: Client, teammate: User, method: str) -> None:
    theirs, mine = issue()[0], issue(owner=teammate)[0]
    response = getattr(teammate_client, method)(
        SELECTED, {"token": [mine.identifier, theirs.identifier]}
    )
    assert response.status_code == 404
    assert Token.objects.active().count() == 2


def test_stranger(issue: Issue, stranger_client: Client) -> None:
    token, _ = issue()
    for path in (SELECTED, ALL):
        assert (
            stranger_client.post(path, {"token": token.identifier, "count": "1"}).status_code
            == 302
        )
    assert Token.objects.active().count() == 1


@pytest.mark.parametrize("typed", ["", "1", "3", "two"])
def test_all_of_them_takes_their_number(issue: Issue, owner_client: Client, typed: str) -> None:
    issue(), issue()
    assert "Type 2 to confirm" in owner_client.get(ALL).content.decode()
    response = owner_client.post(ALL, {"count": typed})
    assert (response.status_code, list(response.context["form"].errors)) == (422, ["count"])
    assert f'value="{typed}"' in response.content.decode() or not typed
    assert Token.objects.active().count() == 2
    assert owner_client.post(ALL, {"count": " 2 "})["Location"] == "/settings/tokens/"
    assert not Token.objects.active().exists()


@pytest.mark.parametrize(("sent", "left"), [({"include_made": "on"}, []), ({}, ["child"])])
def test_ends_what_was_made_with_the_selected(
    issue: Issue, owner_client: Client, sent: dict[str, str], left: list[str]
) -> None:
    maker, _ = issue(name="maker")
    child, _ = issue(name="child", actor=program(maker))
    chosen = {"token": [maker.identifier, issue(name="other")[0].identifier]}
    assert "1 token made with these tokens still works" in page_of(
        owner_client.get(SELECTED, chosen)
    )
    both = {"token": [maker.identifier, child.identifier]}
    assert "still work" not in owner_client.get(SELECTED, both).content.decode()
    page = owner_client.post(SELECTED, chosen | sent, follow=True).content.decode()
    assert f"{3 - len(left)} tokens revoked." in page
    assert [token.name for token in Token.objects.active()] == left
