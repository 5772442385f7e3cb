"""GET and POST /settings/tokens/<identifier>/revoke/"""

import re

import pytest
from django.test import Client

from accounts.models import User
from tests.conftest import Issue, bearer, page_of
from tests.records import program
from tokens.models import Event, Token
from tokens.pages import made_tokens


def address(token: Token) -> str:
    return f"/settings/tokens/{token.identifier}/revoke/"


def in_list(query: str = "") -> dict[str, str]:
    return {
        "HX-Request": "true",
        "HX-Target": "tokens",
        "HX-Current-URL": f"http://testserver/settings/tokens/{query}",
    }


def test_asks_first(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    page = owner_client.get(address(token)).content.decode()
    assert "Revoke “Production API”?" in page
    assert "It was never used." in page
    assert "<html" in page
    token.refresh_from_db()
    assert token.revoked_at is None


def test_htmx_gets_the_dialog(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    page = owner_client.get(
        address(token), headers=in_list() | {"HX-Target": "tokenry-dialog"}
    ).content.decode()
    assert "<html" not in page
    assert 'hx-target="#tokens"' in page


def test_a_dialog_elsewhere_posts_a_plain_form(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    headers = {
        "HX-Request": "true",
        "HX-Target": "tokenry-dialog",
        "HX-Current-URL": f"http://testserver{token.get_absolute_url()}",
    }
    assert "hx-post" not in owner_client.get(address(token), headers=headers).content.decode()


def test_revokes_at_once(issue: Issue, owner_client: Client, owner: User) -> None:
    token, value = issue()
    response = owner_client.post(address(token), follow=True)
    assert response.redirect_chain == [("/settings/tokens/", 302)]
    assert "“Production API” is revoked" in response.content.decode()
    assert Client().get("/api/v1/token", headers=bearer(value)).json()["code"] == "revoked_token"
    event = Event.objects.first()
    assert event is not None
    assert (event.kind, event.actor) == ("revoked", owner)


def test_htmx_gets_the_list_as_it_was_filtered(issue: Issue, owner_client: Client) -> None:
    token, _ = issue(name="one")
    issue(name="the other")
    page = owner_client.post(address(token), headers=in_list("?q=the+other")).content.decode()
    assert "<html" not in page
    assert ">the other</a>" in page
    assert ">one</a>" not in page
    assert 'hx-swap-oob="innerHTML"' in page
    assert "“one” is revoked" in page


def test_twice_is_said_and_written_once(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    owner_client.post(address(token))
    assert "was revoked already" in owner_client.post(address(token), follow=True).content.decode()
    assert "is already revoked" in owner_client.get(address(token)).content.decode()
    assert Event.objects.filter(kind="revoked").count() == 1


def test_revoke_and_create_another_fills_the_form_in(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    response = owner_client.post(address(token), {"again": "name=A%26B&expires=30d"})
    assert response["Location"] == "/settings/tokens/new/?name=A%26B&expires=30d"


def test_again_leads_nowhere_else(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    response = owner_client.post(address(token), {"again": "//evil.example/"})
    assert response["Location"].startswith("/settings/tokens/new/?")


def test_teammate(issue: Issue, teammate_client: Client) -> None:
    token, _ = issue()
    assert teammate_client.post(address(token)).status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None


def test_stranger(issue: Issue, stranger_client: Client) -> None:
    token, _ = issue()
    assert stranger_client.post(address(token)).status_code == 302
    token.refresh_from_db()
    assert token.revoked_at is None


def test_needs_its_csrf_token(issue: Issue, owner: User) -> None:
    token, _ = issue()
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert client.post(address(token)).status_code == 403


@pytest.fixture
def maker(issue: Issue) -> Token:
    """Return a token with which two tokens were made."""
    token, _ = issue(name="maker")
    for name in ("first", "<b>second</b>"):
        issue(name=name, actor=program(token))
    return token


def working() -> list[str]:
    return sorted(token.name for token in Token.objects.active())


@pytest.mark.parametrize("headers", [{}, in_list() | {"HX-Target": "tokenry-dialog"}])
def test_says_what_was_made_with_it(
    maker: Token, owner_client: Client, headers: dict[str, str]
) -> None:
    page = page_of(owner_client.get(address(maker), headers=headers))
    assert "2 tokens made with this token still work" in page
    for words in ("first", "&lt;b&gt;second&lt;/b&gt;"):
        assert words in page
    (box,) = re.findall(r'<input type="checkbox" name="include_made"[^>]*>', page)
    assert "checked" in box


def test_at_the_end_of_a_rotation_ending_it_too_is_not_proposed(
    maker: Token, owner_client: Client
) -> None:
    owner_client.post(
        f"{maker.get_absolute_url()}renew/",
        {"overlap": "24h", "expires": "90d", "nonce": "n" * 22},
    )
    page = page_of(owner_client.get(address(maker)))
    assert "2 tokens made with this token still work" in page
    assert not re.search(r'name="include_made"[^>]* checked', page)


def test_ends_what_was_made_with_it_too(maker: Token, owner_client: Client) -> None:
    page = owner_client.post(address(maker), {"include_made": "on"}, follow=True).content.decode()
    assert "“maker” is revoked, and so are 2 tokens made with it." in page
    assert working() == []
    assert Event.objects.filter(kind="revoked").count() == 3


def test_without_the_tick_they_work_on_and_can_be_ended_later(
    maker: Token, owner_client: Client
) -> None:
    owner_client.post(address(maker))
    assert working() == ["<b>second</b>", "first"]
    for path in (maker.get_absolute_url(), address(maker)):
        assert "2 tokens made with this token still work" in page_of(owner_client.get(path))
    page = owner_client.post(address(maker), {"include_made": "on"}, follow=True).content.decode()
    assert "“maker” was revoked already. 2 tokens made with it are revoked now." in page
    assert working() == []


def test_the_page_of_a_token_says_with_which_it_was_made(
    maker: Token, owner_client: Client
) -> None:
    page = owner_client.get(Token.objects.get(name="first").get_absolute_url()).content.decode()
    assert f'Made with <a href="{maker.get_absolute_url()}">' in page


def test_many_are_counted_and_not_all_named(
    maker: Token, owner_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made_tokens, "MAX_NAMED_TOKENS", 1)
    page = page_of(owner_client.get(address(maker)))
    assert "2 tokens made with this token still work" in page
    assert "And 1 other" in page
    assert "second" not in page


def test_a_token_that_replaced_it_is_named_and_works_on(
    issue: Issue, owner_client: Client
) -> None:
    token, _ = issue()
    owner_client.post(
        f"{token.get_absolute_url()}renew/",
        {"overlap": "24h", "expires": "90d", "nonce": "n" * 22},
    )
    token.refresh_from_db()
    assert token.successor is not None
    page = page_of(owner_client.get(address(token)))
    assert f'<a href="{token.successor.get_absolute_url()}">' in page
    assert "still works" in page
    owner_client.post(address(token), {"include_made": "on"})
    assert Token.objects.active().get() == token.successor
