"""Well-known URLs, which password managers and browsers request."""

from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.test import Client


def test_where_to_change_the_password(owner_client: Client) -> None:
    response = owner_client.get("/.well-known/change-password")
    assert (response.status_code, response["Location"]) == (302, "/accounts/password/change/")
    assert owner_client.get(response["Location"]).status_code == 200


def test_after_signing_in(client: Client, db: None) -> None:
    response = client.get("/.well-known/change-password", follow=True)
    assert response.redirect_chain[-1] == ("/accounts/login/?next=/accounts/password/change/", 302)


def test_what_is_not_there_is_not_found(client: Client, db: None) -> None:
    """Password managers check that unknown URLs really answer 404."""
    path = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200"
    assert client.get(path).status_code == 404


def test_the_icon(client: Client) -> None:
    """Browsers request this by themselves: no session, no cookie, no query."""
    response = client.get("/favicon.ico")
    assert (response.status_code, response["Location"]) == (302, static("icon.svg"))
    assert finders.find("icon.svg")
    assert not response.cookies
