"""Sign-in by the provider: the request, who gets which account, groups, events, pages."""

import time
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.contrib.sessions.models import Session
from django.core.mail import EmailMessage
from django.test import Client
from django.utils.http import parse_http_date
from pytest_django import Settings

from accounts.models import User
from tests.accounts.oidc.fake_provider import (
    CALLBACK,
    CLIENT_ID,
    LOGIN,
    NEW_KEY,
    PERSON,
    FakeProvider,
)
from tests.conftest import page_of
from tests.server import PASSWORD
from tokens.models import Event

pytestmark = pytest.mark.django_db


def code_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.context["code"]


def test_what_is_sent(provider: FakeProvider, client: Client) -> None:
    sent = provider.begin(client)
    assert sorted(sent.pop("scope").split()) == ["email", "openid", "profile"]
    assert len(sent.pop("nonce")) >= 32
    assert len(sent.pop("state")) >= 16
    assert len(sent.pop("code_challenge")) == 43
    assert sent == {
        "client_id": CLIENT_ID, "response_type": "code", "code_challenge_method": "S256",
        "redirect_uri": f"http://localhost:8000{CALLBACK}", "max_age": "2592000",
    }  # fmt: skip


def test_the_first_sign_in_makes_an_account(provider: FakeProvider, client: Client) -> None:
    """Closed sign-up does not stop it."""
    response = provider.sign_in(client, next="/settings/activity/")
    assert (response.status_code, response["Location"]) == (302, "/settings/activity/")
    user = User.objects.get()
    assert (user.email, user.name) == ("ada@example.com", "Ada Lovelace")
    assert not user.has_usable_password()
    assert (user.is_staff, user.is_superuser) == (False, False)
    assert EmailAddress.objects.get().verified
    account = SocialAccount.objects.get()
    assert (account.provider, account.uid) == (provider.issuer, PERSON["sub"])
    kinds = Event.objects.order_by("pk").values_list("kind", "detail")
    assert list(kinds) == [
        ("signed_up", "with Example ID"), ("signed_in", "with Example ID"),
    ]  # fmt: skip
    assert "Signed in with Example ID" in page_of(client.get("/settings/sessions/"))


def test_nothing_of_the_tokens_is_stored(provider: FakeProvider, client: Client) -> None:
    provider.sign_in(client)
    assert SocialAccount.objects.get().extra_data == {}
    assert not SocialToken.objects.exists()
    kept = str([session.get_decoded() for session in Session.objects.all()])
    assert "an-access-token" not in kept
    assert "eyJ" not in kept


def test_the_second_sign_in_finds_the_account_by_its_subject(
    provider: FakeProvider, client: Client
) -> None:
    provider.sign_in(client)
    provider.claims |= {"email": "lovelace@example.org", "email_verified": False}
    response = provider.sign_in(Client())
    assert response["Location"] == "/settings/tokens/"
    assert User.objects.get().email == "ada@example.com"


def test_the_same_subject_of_another_issuer_is_another_person(
    provider: FakeProvider, client: Client
) -> None:
    owner = User.objects.create_user(email="other@example.com")
    SocialAccount.objects.create(user=owner, provider="https://old.example", uid=PERSON["sub"])
    provider.sign_in(client)
    assert client.session["_auth_user_id"] != str(owner.pk)


def test_the_client_authenticates_as_the_specification_says(
    provider: FakeProvider, client: Client
) -> None:
    provider.sign_in(client)
    assert provider.headers[0]["Authorization"] == (
        "Basic dG9rZW5yeSUzQTE6cyUyRmVjcmV0JTJCb2YlMjB0aGUlMjBjbGllbnQ="
    )
    assert "client_secret" not in provider.forms[0]


def test_a_provider_without_basic_gets_the_secret_in_the_form(
    provider: FakeProvider, client: Client
) -> None:
    provider.discovery = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    provider.sign_in(client)
    assert "Authorization" not in provider.headers[0]
    assert provider.forms[0]["client_id"] == CLIENT_ID
    assert "client_secret" in provider.forms[0]


def test_what_only_userinfo_tells(provider: FakeProvider, client: Client) -> None:
    provider.claims = {"sub": PERSON["sub"]}
    provider.userinfo = dict(PERSON)
    provider.sign_in(client)
    assert User.objects.get().email == "ada@example.com"


def test_userinfo_that_says_another_address(provider: FakeProvider, client: Client) -> None:
    """Its word about its own address says nothing about that of the ID token."""
    provider.claims = {"sub": PERSON["sub"], "email": "boss@example.com"}
    provider.userinfo = PERSON | {"auth_time": 1, "name": "Ada\0"}
    provider.sign_in(client)
    user = User.objects.get()
    assert (user.email, user.name) == ("ada@example.com", "")
    provider.claims = {"sub": "boss", "email": "boss@example.com", "email_verified": False}
    provider.userinfo = PERSON | {"sub": "boss"}
    assert code_of(provider.sign_in(Client())) == (403, "email_unverified")


def test_userinfo_about_another_subject(provider: FakeProvider, client: Client) -> None:
    provider.claims = {"sub": PERSON["sub"]}
    provider.userinfo = PERSON | {"sub": "person-2"}
    assert code_of(provider.sign_in(client)) == (502, "invalid")
    assert not User.objects.exists()


def test_an_existing_account_is_linked_if_both_have_verified_the_address(
    provider: FakeProvider, client: Client, mailoutbox: list[EmailMessage]
) -> None:
    user = User.objects.create_user(email="ada@example.com", password=PASSWORD)
    assert provider.sign_in(client).status_code == 302
    assert SocialAccount.objects.get().user == user
    assert client.session["_auth_user_id"] == str(user.pk)
    assert User.objects.get().has_usable_password()
    assert [mail.subject for mail in mailoutbox] == ["Your account is linked to single sign-on"]
    event = Event.objects.get(kind="linked")
    assert (event.owner, event.detail) == (user, "with Example ID")


@pytest.mark.parametrize("existing", [False, True])
def test_an_address_that_the_provider_has_not_verified(
    provider: FakeProvider, client: Client, *, existing: bool
) -> None:
    if existing:
        User.objects.create_user(email="ada@example.com", password=PASSWORD)
    for verified in (False, "false", None, 0):
        provider.claims["email_verified"] = verified
        assert code_of(provider.sign_in(client)) == (403, "email_unverified")
    assert User.objects.count() == existing
    assert not SocialAccount.objects.exists()


def test_entra_says_it_in_another_claim(provider: FakeProvider, client: Client) -> None:
    provider.claims = {"sub": "s", "email": "ada@example.com", "xms_edov": True}
    assert provider.sign_in(client).status_code == 302


def test_no_address(provider: FakeProvider, client: Client) -> None:
    provider.claims = {"sub": "s"}
    provider.userinfo = {"sub": "s"}
    assert code_of(provider.sign_in(client)) == (403, "email_missing")


def test_an_address_that_was_never_confirmed_here(provider: FakeProvider, client: Client) -> None:
    user = User.objects.create_user(email="ada@example.com", password=PASSWORD)
    EmailAddress.objects.update(verified=False)
    response = provider.sign_in(client)
    assert code_of(response) == (409, "email_taken")
    assert "Sign in with your password, and confirm the address" in page_of(response)
    assert not SocialAccount.objects.exists()
    assert user.email in str(User.objects.get())


def test_an_address_that_the_provider_gave_to_somebody_else(
    provider: FakeProvider, client: Client
) -> None:
    provider.sign_in(client)
    provider.claims["sub"] = "person-2"
    assert code_of(provider.sign_in(Client())) == (409, "email_bound")
    assert SocialAccount.objects.get().uid == "person-1"


def test_an_address_that_somebody_else_wants_and_has_not_confirmed(
    provider: FakeProvider, client: Client, owner: User
) -> None:
    """Otherwise anybody could keep a colleague out."""
    EmailAddress.objects.create(user=owner, email="ada@example.com", verified=False)
    assert provider.sign_in(client).status_code == 302
    ada = User.objects.get(email="ada@example.com")
    assert client.session["_auth_user_id"] == str(ada.pk)
    assert EmailAddress.objects.get(user=ada).verified


def test_an_account_that_is_switched_off(provider: FakeProvider, client: Client) -> None:
    provider.sign_in(client)
    User.objects.update(is_active=False)
    other = Client()
    assert provider.sign_in(other)["Location"] == "/accounts/inactive/"
    assert "_auth_user_id" not in other.session


def test_the_button_sends_a_form(provider: FakeProvider, client: Client) -> None:
    """A GET begins nothing: a link on another site could sign people in."""
    page = page_of(client.get("/accounts/login/?next=/settings/activity/"))
    assert 'action="/accounts/oidc/login/"' in page
    assert "Sign in with Example ID" in page
    assert client.get(LOGIN)["Location"] == "/accounts/login/"
    assert Client(enforce_csrf_checks=True).post(LOGIN).status_code == 403
    assert not provider.asked


def test_another_site_is_no_way_back(provider: FakeProvider, client: Client) -> None:
    response = provider.sign_in(client, next="https://evil.example/")
    assert response["Location"] == "/settings/tokens/"


def test_single_sign_on_that_is_off(client: Client) -> None:
    for path in ("login", "callback", "confirm", "logout"):
        assert client.post(f"/accounts/oidc/{path}/").status_code in {302, 404, 405}
    assert "oidc" not in client.get("/accounts/login/").content.decode()


@pytest.mark.parametrize("path", ["3rdparty/", "3rdparty/signup/", "social/connections/"])
def test_allauths_own_pages_are_closed(provider: FakeProvider, client: Client, path: str) -> None:
    assert client.get(f"/accounts/{path}")["Location"] == "/settings/security/"


def test_the_second_factor_of_the_account_is_still_asked(
    provider: FakeProvider, client: Client
) -> None:
    """While the session waits for the code, it holds nothing of the provider's tokens."""
    from allauth.mfa.models import Authenticator

    provider.sign_in(client)
    Authenticator.objects.create(user=User.objects.get(), type="totp", data={"secret": "x"})
    other = Client()
    assert provider.sign_in(other)["Location"] == "/accounts/2fa/authenticate/"
    assert "_auth_user_id" not in other.session
    assert "an-access-token" not in str(dict(other.session))


def test_keys_are_kept_and_fetched_again_when_they_change(
    provider: FakeProvider, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr("accounts.oidc.documents.time.monotonic", lambda: now)
    provider.sign_in(client)
    provider.sign_in(Client())
    assert provider.asked["/.well-known/openid-configuration"] == provider.asked["/keys"] == 1
    provider.keys = [NEW_KEY]
    assert code_of(provider.sign_in(Client())) == (502, "invalid")
    assert provider.asked["/keys"] == 1
    now += 61
    assert provider.sign_in(Client()).status_code == 302
    assert provider.asked["/keys"] == 2


def test_pages_of_sign_in_are_not_kept(provider: FakeProvider, client: Client) -> None:
    response = client.post(LOGIN)
    assert parse_http_date(response["Expires"]) <= time.time() + 1
    assert "no-store" in response["Cache-Control"]


def test_the_page_leads_on_without_a_script(
    provider: FakeProvider, client: Client, settings: Settings
) -> None:
    page = client.post(LOGIN).content.decode()
    assert f'<meta http-equiv="refresh" content="0;url={provider.issuer}/authorize?' in page
    assert "form-action 'self'" in client.get("/accounts/login/")["Content-Security-Policy"]
