"""OIDC_ONLY: nobody but superusers signs in with a password or a passkey."""

from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from django.core.mail import EmailMessage
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.accounts.oidc.fake_provider import FakeProvider
from tests.accounts.test_passkeys import add, challenge_to_sign_in, sign_in
from tests.conftest import page_of, signed_in
from tests.server import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def only(change_sign_on: Callable[..., None]) -> None:
    change_sign_on(only=True)


def test_the_page_has_the_button_alone(client: Client, settings: Settings) -> None:
    settings.SIGNUP_OPEN = True
    page = page_of(client.get("/accounts/login/"))
    assert "Sign in with Example ID" in page
    assert 'type="password"' not in page
    assert "passkey" not in page
    assert "Sign up" not in page
    assert 'type="password"' in page_of(client.get("/accounts/login/?password"))


def test_a_person_is_refused_with_the_right_password(owner: User, client: Client) -> None:
    form = {"login": owner.email, "password": PASSWORD}
    response = client.post("/accounts/login/", form)
    assert (response.status_code, response.context["code"]) == (403, "passwords_off")
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(("person", "status"), [("owner", 403), ("administrator", 302)])
def test_passkeys(
    request: pytest.FixtureRequest, client: Client, person: str, status: int
) -> None:
    """A passkey would go on to work after somebody has left the company."""
    key = add(request.getfixturevalue(person), passwordless=True, pin=True)
    response = sign_in(client, key, challenge_to_sign_in(client))
    assert response.status_code == status
    assert ("_auth_user_id" in client.session) == (status == 302)


def test_an_administrator_has_a_way_in(administrator: User, client: Client) -> None:
    form = {"login": administrator.email, "password": PASSWORD}
    assert client.post("/accounts/login/", form).status_code == 302
    assert client.get("/accounts/password/change/").status_code == 200
    assert "Change password" in page_of(client.get("/settings/security/"))


def test_an_administrator_finds_the_way_in_while_the_provider_is_away(
    provider: FakeProvider, client: Client
) -> None:
    provider.status = 503
    page = page_of(client.post("/accounts/oidc/login/"))
    assert 'href="/accounts/login/?password"' in page
    assert "?password" not in page_of(client.get("/accounts/oidc/callback/"))


def test_people_sign_in_at_the_provider(provider: FakeProvider, client: Client) -> None:
    assert provider.sign_in(client).status_code == 302
    assert "/accounts/password/" not in page_of(client.get("/settings/security/"))


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/signup/", "/accounts/password/reset/", "/accounts/password/reset/key/1-x/",
        "/accounts/password/change/", "/accounts/password/set/", "/accounts/reauthenticate/",
    ],
)  # fmt: skip
def test_closed_pages(owner: User, client: Client, settings: Settings, path: str) -> None:
    settings.SIGNUP_OPEN = True
    for visitor in (client, signed_in(owner)):
        for response in (visitor.get(path), visitor.post(path, {"email": owner.email})):
            assert (response.status_code, response.context["code"]) == (403, "passwords_off")


def test_a_person_of_an_older_session_confirms_at_the_provider(owner: User) -> None:
    """Not with the password, and not without any question."""
    asked = signed_in(owner, seconds_ago=3600).post("/settings/profile/delete/")
    assert asked["Location"].startswith("/accounts/oidc/confirm/")
    assert User.objects.exists()


def test_an_invitation_leads_to_the_button(
    administrator: User, provider: FakeProvider, mailoutbox: list[EmailMessage], client: Client
) -> None:
    form = {"email": "ada@example.com", "name": "Ada"}
    signed_in(administrator).post("/admin/accounts/user/add/", form)
    assert "Sign in: http://localhost:8000/accounts/login/" in str(mailoutbox[0].body)
    assert "password" not in str(mailoutbox[0].body)
    invited = User.objects.get(email="ada@example.com")
    page = signed_in(administrator).get(f"/admin/accounts/user/{invited.pk}/change/")
    assert "http://localhost:8000/accounts/login/" in page_of(page)
    assert "/password/reset/" not in page_of(page)
    provider.sign_in(client)
    assert client.session["_auth_user_id"] == str(invited.pk)


def test_an_address_that_was_never_confirmed_here(provider: FakeProvider, client: Client) -> None:
    """The person can't sign in here to confirm the address, so the page names another way."""
    User.objects.create_user(email="ada@example.com", password=PASSWORD)
    EmailAddress.objects.update(verified=False)
    response = provider.sign_in(client)
    assert (response.status_code, response.context["code"]) == (409, "email_never_confirmed")
    assert "Ask an administrator to delete it" in page_of(response)
    assert "password" not in page_of(response)
