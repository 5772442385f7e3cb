"""GET and POST /settings/tokens/<identifier>/revoke/"""

from django.test import Client

from accounts.models import User
from tests.conftest import Issue, bearer
from tokens.models import Event, Token


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
    page = owner_client.get(address(token), headers=in_list() | {"HX-Target": "dialog"}).content.decode()
    assert "<html" not in page
    assert 'hx-target="#tokens"' in page


def test_a_dialog_elsewhere_posts_a_plain_form(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    headers = {
        "HX-Request": "true",
        "HX-Target": "dialog",
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
    assert "was revoked already" in owner_client.get(address(token)).content.decode()
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
