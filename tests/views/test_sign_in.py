"""Sign-in and sign-out, for people and for administrators alike."""

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.mail import EmailMessage
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.conftest import PASSWORD

PATH = "/accounts/login/"


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    from django.core.cache import cache

    cache.clear()


@pytest.mark.parametrize("email", ["owner@example.com", "Owner@Example.COM"])
def test_by_e_mail(owner: User, client: Client, email: str) -> None:
    response = client.post(PATH, {"login": email, "password": PASSWORD})
    assert (response.status_code, response["Location"]) == (302, "/settings/tokens/")


def test_returns_to_where_it_was_asked(owner: User, client: Client) -> None:
    response = client.post(PATH, {"login": owner.email, "password": PASSWORD, "next": "/settings/activity/"})
    assert response["Location"] == "/settings/activity/"
    other = Client().post(PATH, {"login": owner.email, "password": PASSWORD, "next": "https://evil.example/"})
    assert other["Location"] == "/settings/tokens/"


@pytest.mark.parametrize("email", ["owner@example.com", "nobody@example.com"])
def test_wrong_says_the_same_of_known_and_unknown(owner: User, client: Client, email: str) -> None:
    response = client.post(PATH, {"login": email, "password": "wrong"})
    assert response.status_code == 200
    assert "The email address and/or password you specified are not correct." in response.content.decode()


def test_switched_off(owner: User, client: Client) -> None:
    owner.is_active = False
    owner.save()
    response = client.post(PATH, {"login": owner.email, "password": PASSWORD})
    assert not response.wsgi_request.user.is_authenticated


def test_sign_out_asks_for_a_post(owner_client: Client) -> None:
    assert owner_client.get("/accounts/logout/").wsgi_request.user.is_authenticated
    response = owner_client.post("/accounts/logout/")
    assert response["Location"] == PATH
    assert owner_client.get("/settings/tokens/").status_code == 302


def test_sign_up_is_closed(client: Client) -> None:
    response = client.post("/accounts/signup/", {"email": "new@example.com", "password1": PASSWORD})
    assert not User.objects.exists()
    assert "closed" in response.content.decode()


test_sign_up_is_closed = pytest.mark.django_db(test_sign_up_is_closed)


def test_passwords_are_argon2id(owner: User, settings: Settings) -> None:
    from config import settings as shipped

    settings.PASSWORD_HASHERS = shipped.PASSWORD_HASHERS
    owner.set_password("another good one")
    assert owner.password.startswith("argon2$argon2id$")
    assert Argon2PasswordHasher().verify("another good one", owner.password)


def test_htmx_is_sent_to_sign_in_whole(stranger_client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/settings/tokens/new/?name=A"}
    response = stranger_client.post("/settings/tokens/new/", headers=headers)
    assert response.status_code == 200
    assert response["HX-Redirect"] == "/accounts/login/?next=/settings/tokens/new/%3Fname%3DA"
    assert response.content == b""


@pytest.mark.parametrize("address", ["http://[x", "", "//"])
def test_a_nonsense_current_url_is_no_failure(owner_client: Client, stranger_client: Client, address: str) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": address}
    assert stranger_client.get("/settings/tokens/", headers=headers).status_code == 200
    assert owner_client.get("/settings/tokens/", headers=headers).status_code == 200


def test_nobody_takes_an_address_that_is_not_verified(owner: User, owner_client: Client) -> None:
    for action in ("action_add", "action_primary"):
        owner_client.post("/accounts/email/", {action: "", "email": "ceo@example.com"})
    owner.refresh_from_db()
    assert owner.email == "owner@example.com"


def test_the_reset_link_leads_to_site_url(owner: User, client: Client, mailoutbox: list[EmailMessage]) -> None:
    client.post("/accounts/password/reset/", {"email": owner.email}, headers={"Host": "127.0.0.1:31337"})
    assert "http://localhost:8000/accounts/password/reset/key/" in str(mailoutbox[0].body)
    assert "31337/accounts" not in str(mailoutbox[0].body)


@pytest.mark.django_db
def test_home_leads_to_the_tokens(client: Client) -> None:
    assert client.get("/")["Location"] == "/settings/tokens/"


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "body"), [("/healthz", b"ok\n"), ("/readyz", b"ready\n")])
def test_probes(client: Client, path: str, body: bytes) -> None:
    response = client.get(path)
    assert (response.status_code, response.content) == (200, body)
