"""Fresh authentication, invitations, passwords and sign-up."""

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from tests.conftest import Issue, bearer, page_of, signed_in
from tests.server import PASSWORD
from tokens.models import Token

CREATE = "/settings/tokens/new/"
TYPED = {"name": "A & B", "environment": "test", "expires": "30d", "nonce": "n" * 22}
BACK = "/accounts/reauthenticate/?" + urlencode(
    {"next": f"{CREATE}?name=A+%26+B&environment=test&expires=30d"}
)


@pytest.mark.parametrize(("minutes", "status"), [(0, 200), (14, 200), (15, 302), (600, 302)])
def test_asked_only_after_a_while_and_signing_in_counts(
    owner: User, minutes: int, status: int
) -> None:
    response = signed_in(owner, seconds_ago=60 * minutes + 1).post(CREATE, TYPED)
    assert response.status_code == status
    assert Token.objects.exists() == (status == 200)


def test_back_on_the_form_with_the_input_and_only_then_a_token(owner: User) -> None:
    client = signed_in(owner, seconds_ago=3600)
    asked = client.post(CREATE, TYPED)
    assert asked["Location"] == BACK
    page = client.get(BACK).content.decode()
    assert ">Confirm</button>" in page
    back = client.post(BACK, {"password": PASSWORD})
    assert back.status_code == 302
    assert back["Location"].startswith(CREATE)
    form = client.get(back["Location"]).context["form"]
    assert form.initial == {"name": "A & B", "environment": "test", "expires": "30d"}
    assert not Token.objects.exists()
    assert client.post(CREATE, TYPED).status_code == 200


def test_htmx_gets_the_whole_page(owner: User) -> None:
    response = signed_in(owner, seconds_ago=3600).post(
        CREATE, TYPED, headers={"HX-Request": "true"}
    )
    assert (response.status_code, response["HX-Redirect"]) == (200, BACK)


def test_a_wrong_password_confirms_nothing(owner: User) -> None:
    client = signed_in(owner, seconds_ago=3600)
    assert client.post(BACK, {"password": "wrong"}).status_code == 200
    assert client.post(CREATE, TYPED).status_code == 302


def test_an_error_is_shown_before_anybody_is_asked(owner: User) -> None:
    assert signed_in(owner, seconds_ago=3600).post(CREATE, TYPED | {"name": ""}).status_code == 422


def test_second_factors_ask_too(owner: User) -> None:
    assert signed_in(owner).get("/accounts/2fa/totp/activate/").status_code == 200
    response = signed_in(owner, seconds_ago=3600).get("/accounts/2fa/totp/activate/")
    assert response["Location"].startswith("/accounts/reauthenticate/")
    assert not Authenticator.objects.exists()


def test_invitation(administrator: User, mailoutbox: list[EmailMessage]) -> None:
    signed_in(administrator).post(
        "/admin/accounts/user/add/", {"email": "Ada@Example.com", "name": "Ada"}
    )
    (mail,) = mailoutbox
    assert isinstance(mail, EmailMultiAlternatives)
    assert mail.to == ["ada@example.com"]
    link = re.findall(r"http://localhost:8000(/accounts/password/reset/key/\S+)", str(mail.body))[
        0
    ]
    assert link in str(mail.alternatives[0][0])
    assert not Client().login(email="ada@example.com", password="")

    client = Client()
    form = client.get(link, follow=True)
    done = client.post(form.redirect_chain[-1][0], {"password1": PASSWORD, "password2": PASSWORD})
    assert done.status_code == 302, done.content.decode()
    signed = Client().post("/accounts/login/", {"login": "ada@example.com", "password": PASSWORD})
    assert signed["Location"] == "/settings/tokens/"
    assert "was already used" in Client().get(link, follow=True).content.decode()


def test_an_invitation_ends_after_three_days(
    administrator: User, mailoutbox: list[EmailMessage], settings: Settings
) -> None:
    signed_in(administrator).post(
        "/admin/accounts/user/add/", {"email": "ada@example.com", "name": "Ada"}
    )
    link = re.findall(
        r"http://localhost:8000(/accounts/password/reset/key/\S+)", str(mailoutbox[0].body)
    )[0]
    with time_machine.travel(timezone.now() + timedelta(days=3, minutes=1)):
        assert "was already used" in Client().get(link, follow=True).content.decode()


def test_mails_lead_to_site_url_whatever_host_was_asked(
    owner: User, mailoutbox: list[EmailMessage]
) -> None:
    Client().post(
        "/accounts/password/reset/", {"email": owner.email}, headers={"Host": "127.0.0.1"}
    )
    assert "http://localhost:8000/accounts/password/reset/key/" in str(mailoutbox[0].body)
    assert "127.0.0.1" not in str(mailoutbox[0].body)


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short77", "at least 8 characters"),
        ("x" * 129, "too long"),
        ("password123", "too common"),
        ("owner@example", "too similar"),
    ],
)
def test_passwords_that_are_refused(owner_client: Client, password: str, said: str) -> None:
    change = {"oldpassword": PASSWORD, "password1": password, "password2": password}
    page = owner_client.post("/accounts/password/change/", change).content.decode()
    assert said in page


def test_changing_the_password_ends_other_sessions_and_no_token(issue: Issue, owner: User) -> None:
    _, value = issue()
    here, there = signed_in(owner), signed_in(owner)
    assert "API tokens keep working" in here.get("/accounts/password/change/").content.decode()
    new = "another correct horse"
    here.post(
        "/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new}
    )
    assert here.get("/settings/security/").status_code == 200
    assert there.get("/settings/security/").status_code == 302
    assert Client().get("/api/v1/token", headers=bearer(value)).status_code == 200
    assert "Revoke 1 API token" in page_of(here.get("/settings/security/"))


def test_revoke_all(issue: Issue, owner_client: Client, teammate: User) -> None:
    _, value = issue()
    issue()
    issue(owner=teammate)
    assert "2 active tokens" in owner_client.get("/settings/tokens/revoke-all/").content.decode()
    assert Token.objects.active().count() == 3
    page = owner_client.post(
        "/settings/tokens/revoke-all/", {"count": "2"}, follow=True
    ).content.decode()
    assert "2 tokens revoked" in page
    assert Token.objects.active().count() == 1
    assert Client().get("/api/v1/token", headers=bearer(value)).json()["code"] == "revoked_token"


def test_sign_up_when_it_is_open(
    db: None, settings: Settings, mailoutbox: list[EmailMessage]
) -> None:
    settings.SIGNUP_OPEN = True
    client = Client()
    response = client.post(
        "/accounts/signup/", {"email": "new@example.com", "password1": PASSWORD}
    )
    assert response["Location"] == "/accounts/confirm-email/"
    assert client.get("/settings/tokens/").status_code == 302
    link = re.findall(
        r"http://localhost:8000(/accounts/confirm-email/\S+)", str(mailoutbox[0].body)
    )[0]
    client.post(link)
    signed = Client().post("/accounts/login/", {"login": "new@example.com", "password": PASSWORD})
    assert signed["Location"] == "/settings/tokens/"


def test_sign_up_says_the_same_of_a_known_address(
    owner: User,
    settings: Settings,
    mailoutbox: list[EmailMessage],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And does the same work: one mail, one password hashed."""
    settings.SIGNUP_OPEN = True
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def counting(self: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    answers = [
        Client().post("/accounts/signup/", {"email": email, "password1": PASSWORD})
        for email in (owner.email, "new@example.com")
    ]
    assert len({(answer.status_code, answer["Location"]) for answer in answers}) == 1
    assert [mail.to for mail in mailoutbox] == [[owner.email], ["new@example.com"]]
    assert hashed == [PASSWORD, PASSWORD]


def test_reset_says_the_same_of_unknown_addresses(
    owner: User, mailoutbox: list[EmailMessage]
) -> None:
    """And writes to nobody who has no account."""
    answers = [
        Client().post("/accounts/password/reset/", {"email": email}, follow=True)
        for email in (owner.email, "nobody@example.com")
    ]
    pages = {re.sub(r'value="\w{64}"', "", answer.content.decode()) for answer in answers}
    assert len(pages) == 1
    assert [mail.to for mail in mailoutbox] == [[owner.email]]
