"""An account that asks to move to an address, and somebody else, whose address it is."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.core.mail import EmailMessage
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.conftest import forget_tries
from tests.server import PASSWORD

VICTIM = "victim@example.com"


@pytest.fixture(autouse=True)
def asked(owner_client: Client, settings: Settings) -> None:
    """The owner's account asks for the address; sign-up is open."""
    forget_tries()
    settings.SIGNUP_OPEN = True
    owner_client.post("/accounts/email/", {"action_add": "", "email": VICTIM})
    assert EmailAddress.objects.filter(email=VICTIM, verified=False).exists()


def link_in(mail: EmailMessage) -> str:
    (link,) = re.findall(r"http://localhost:8000(/accounts/confirm-email/\S+)", str(mail.body))
    return str(link)


def sign_up(mails: list[EmailMessage]) -> str:
    mails.clear()
    forget_tries()  # else no second mail within three minutes
    Client().post("/accounts/signup/", {"email": VICTIM, "password1": PASSWORD})
    return link_in(mails[0])


def test_mail_and_page_name_the_account_that_asks(mailoutbox: list[EmailMessage]) -> None:
    words = "The account owner@example.com asks to use"
    assert words in str(mailoutbox[0].body)
    page = Client().get(link_in(mailoutbox[0])).content.decode()
    assert words in re.sub(r"<.*?>", "", page)
    link = sign_up(mailoutbox)
    assert "signed up with this address" in str(mailoutbox[0].body)
    assert "asks to use" not in str(mailoutbox[0].body) + Client().get(link).content.decode()


def test_no_new_password_for_the_account_that_asks(mailoutbox: list[EmailMessage]) -> None:
    mailoutbox.clear()
    Client().post("/accounts/password/reset/", {"email": VICTIM})
    assert mailoutbox == []


def test_the_owner_of_the_address_signs_up_and_keeps_it(
    owner: User, mailoutbox: list[EmailMessage]
) -> None:
    pending = link_in(mailoutbox[0])
    link = sign_up(mailoutbox)
    assert "belongs to another account" in Client().post(pending, follow=True).content.decode()
    owner.refresh_from_db()
    assert owner.email == "owner@example.com"
    Client().post(link)
    signed = Client().post("/accounts/login/", {"login": VICTIM, "password": PASSWORD})
    assert signed["Location"] == "/settings/tokens/"
    assert str(signed.wsgi_request.user) == VICTIM
    Client().post("/accounts/password/reset/", {"email": VICTIM})
    assert "/reset/key/" in str(mailoutbox[-1].body)


def test_a_confirmed_change_moves_the_account(owner: User, mailoutbox: list[EmailMessage]) -> None:
    Client().post(link_in(mailoutbox[0]))
    owner.refresh_from_db()
    assert owner.email == VICTIM
