"""Forms about an account: the focus, the message afterwards, and the link back."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

from accounts.models import User
from tests.conftest import forget_tries, page_of, signed_in
from tests.server import PASSWORD

EMAIL = "/accounts/email/"
PENDING = "/settings/profile/address/"


def focused(page: bytes) -> list[str]:
    """Return the names of the fields with the focus."""
    return re.findall(r'<input[^>]*\bname="(\w+)"[^>]*\bautofocus\b', page.decode())


@pytest.mark.parametrize(
    ("path", "typed", "field"),
    [
        ("/accounts/login/", {"login": "nonsense", "password": "x"}, "login"),
        ("/accounts/login/", {"login": "a@example.com"}, "password"),
        ("/accounts/password/reset/", {}, "email"),
    ],
)
def test_the_first_wrong_field_has_the_focus(
    db: None, path: str, typed: dict[str, str], field: str
) -> None:
    forget_tries()
    assert focused(Client().post(path, typed).content) == [field]


@pytest.mark.parametrize(
    ("path", "typed", "field"),
    [
        ("/settings/profile/", {"name": "x" * 151, "time_zone": "UTC"}, "name"),
        (EMAIL, {"action_add": "", "email": "nonsense"}, "email"),
        ("/accounts/password/change/",
         {"oldpassword": PASSWORD, "password1": "quite another", "password2": "x"},
         "password2"),
        ("/accounts/2fa/totp/activate/", {"code": "1"}, "code"),
        ("/accounts/reauthenticate/", {"password": "wrong"}, "password"),
    ],
)  # fmt: skip
def test_so_it_has_for_people(
    owner_client: Client, path: str, typed: dict[str, str], field: str
) -> None:
    forget_tries()
    owner_client.get(path)
    assert focused(owner_client.post(path, typed).content) == [field]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/accounts/reauthenticate/", ["password"]),
        ("/accounts/2fa/totp/activate/", ["code"]),
        ("/settings/profile/", []),
    ],
)
def test_the_focus_without_an_error(owner_client: Client, path: str, fields: list[str]) -> None:
    assert focused(Client().get("/accounts/login/").content) == ["login"]
    assert focused(owner_client.get(path).content) == fields


def test_after_a_new_password_comes_security(owner_client: Client) -> None:
    path = "/accounts/password/change/"
    form = owner_client.get(path).content.decode()
    assert '<input type="hidden" name="next" value="/settings/security/">' in form
    new = {"oldpassword": PASSWORD, "password1": "quite another", "password2": "quite another"}
    response = owner_client.post(path, {**new, "next": "/settings/security/"}, follow=True)
    assert response.redirect_chain == [("/settings/security/", 302)]
    assert "Your password is changed. Your other sessions have ended." in response.content.decode()


@pytest.fixture
def pending(owner: User, owner_client: Client) -> EmailAddress:
    """Have the owner ask for another e-mail address."""
    forget_tries()
    EmailAddress.objects.get_or_create(
        user=owner, email=owner.email, defaults={"verified": True, "primary": True}
    )
    owner_client.post(EMAIL, {"action_add": "", "email": "new@example.com"})
    return EmailAddress.objects.get(email="new@example.com")


@pytest.mark.usefixtures("pending")
def test_a_change_of_address_is_cancelled_without_a_mail(
    owner: User, owner_client: Client
) -> None:
    mail.outbox.clear()
    page = owner_client.post(PENDING, {"cancel": ""}, follow=True).content.decode()
    assert f"The change is cancelled. You sign in with {owner.email}, as before." in page
    assert mail.outbox == []
    assert [address.email for address in EmailAddress.objects.all()] == [owner.email]
    assert (
        "No change is under way"
        in owner_client.post(PENDING, {"cancel": ""}, follow=True).content.decode()
    )


def test_ones_own_address_cannot_be_cancelled(owner: User, owner_client: Client) -> None:
    EmailAddress.objects.all().delete()
    EmailAddress.objects.create(user=owner, email=owner.email, primary=True)
    owner_client.post(PENDING, {"cancel": ""})
    assert EmailAddress.objects.filter(email=owner.email).exists()


@pytest.mark.usefixtures("pending")
def test_another_mail_comes_after_three_minutes_only(owner_client: Client) -> None:
    mail.outbox.clear()
    page = owner_client.post(PENDING, follow=True).content.decode()
    assert "Wait three minutes" in page
    assert mail.outbox == []
    forget_tries()  # as if three minutes had passed
    assert (
        "We sent a mail to new@example.com."
        in owner_client.post(PENDING, follow=True).content.decode()
    )
    assert [sent.to for sent in mail.outbox] == [["new@example.com"]]


def test_stranger(stranger_client: Client) -> None:
    assert stranger_client.post(PENDING)["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize(
    ("following", "back"),
    [
        ("/settings/tokens/new/?name=typed", "/settings/tokens/new/"),
        ("/accounts/2fa/totp/activate/", "/settings/security/"),
        ("https://evil.example/", "/settings/security/"),
        ("http://[", "/settings/security/"),
        ("", "/settings/security/"),
    ],
)
def test_confirm_can_be_cancelled(owner: User, following: str, back: str) -> None:
    page = signed_in(owner).get("/accounts/reauthenticate/", {"next": following}).content.decode()
    assert f'<a class="button" href="{back}">Cancel</a>' in page


def test_the_picture_of_a_key_is_html(owner_client: Client) -> None:
    page = owner_client.get("/accounts/2fa/totp/activate/").content.decode()
    assert "<svg" in page
    assert "<?xml" not in page


@pytest.mark.parametrize(
    ("theme", "colours"),
    [("", ["#f6f8fa", "#151b23"]), ("light", ["#f6f8fa"]), ("dark", ["#151b23"])],
)
def test_the_browsers_frame_has_the_colour_of_the_header(
    owner: User, owner_client: Client, theme: str, colours: list[str]
) -> None:
    User.objects.update(theme=theme)
    page = owner_client.get("/settings/profile/").content.decode()
    assert re.findall('name="theme-color" content="(.*?)"', page) == colours
    assert re.search('rel="apple-touch-icon" href=".*touch-icon.*png"', page)


def test_settings_lead_to_the_profile(owner_client: Client) -> None:
    assert owner_client.get("/settings/")["Location"] == "/settings/profile/"


@pytest.mark.parametrize(
    "path", ["/accounts/confirm-email/bad/", "/accounts/password/reset/key/1-bad-key/"]
)
def test_an_ended_link_says_so(db: None, path: str) -> None:
    page = page_of(Client().get(path))
    assert "<title> This link no longer works" in page
    assert page.count("This link no longer works") == 2


@pytest.mark.parametrize(("known", "way"), [(True, "Go to API tokens"), (False, "Sign in")])
def test_from_nothing_there_is_a_way_on(owner_client: Client, known: bool, way: str) -> None:
    response = (owner_client if known else Client()).get("/nothing/")
    assert response.status_code == 404
    assert f">{way}</a> </div>" in page_of(response)
