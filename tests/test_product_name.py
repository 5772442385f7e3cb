"""With PRODUCT_NAME set, no page, mail or document shows the name Tokenry."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.adapter import get_adapter
from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone
from pytest_django import Settings

from accounts import allauth_texts, mails
from accounts.models import Notification as AccountNotification
from accounts.models import User
from config import error_pages
from tests.conftest import Issue
from tests.test_architecture import patterns
from tokens.models import Notification
from tokens.notifications.emails import event_mail, reminder_mail
from tokens.notifications.reminders import Reminder
from tokens.token_settings import TokenSettings

NAME = "Acme Keys"
OTHER_MAILS = [
    mails.RESET, mails.INVITATION, mails.CONFIRM, mails.CONFIRM_SIGN_UP, mails.EXISTS,
    mails.FACTORS_RESET,
]  # fmt: skip
FACTS = {
    "from_email": "a@example.com", "to_email": "b@example.com", "deleted_email": "c@example.com",
    "inviter": "boss@example.com", "removed": "recovery codes", "ip": "192.0.2.1",
    "user_agent": "",
}  # fmt: skip

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def named(settings: Settings, token_settings: TokenSettings) -> None:
    settings.PRODUCT_NAME = settings.MFA_TOTP_ISSUER = token_settings.PRODUCT_NAME = NAME


def paths(identifier: str) -> Iterator[str]:
    """Yield the path of each page, also of a token's own pages."""
    for address, _ in patterns(get_resolver()):
        path = address.replace("<identifier:identifier>", identifier)
        if not re.search(r"[<(^\\]", path):
            yield f"/{path}"


def test_pages_and_documents(
    owner_client: Client, admin_client: Client, stranger_client: Client, issue: Issue
) -> None:
    token, _ = issue()
    kinds = set()
    for client in (owner_client, admin_client, stranger_client):
        for path in paths(token.identifier):
            response = client.get(path)
            text = b"".join(response).decode()
            kind = response.headers.get("Content-Type", "").partition(";")[0]
            kinds.add(kind)
            assert response.status_code < 500, path
            # PRODID names the program that made the file. Calendars do not show it.
            assert "Tokenry" not in text.replace("PRODID:-//Tokenry//", ""), path
            if "</title>" in text:
                assert NAME in text, path
    assert kinds >= {"text/html", "application/json", "text/calendar", "text/csv"}


def test_parts_of_pages(owner_client: Client) -> None:
    part = owner_client.post("/settings/tokens/new/", headers={"HX-Request": "true"}).text
    assert f"· {NAME}</title>" in part
    assert "Tokenry" not in part


@pytest.mark.parametrize(
    "page",
    [
        error_pages.bad_request_page,
        error_pages.server_error_page,
        error_pages.unavailable_page,
        error_pages.csrf_failure,
        error_pages.content_too_large_page,
        lambda _: error_pages.token_in_address_page(),
    ],
)
def test_error_pages(page: Any) -> None:
    text = page(HttpRequest()).text
    assert f"· {NAME}</title>" in text
    assert "Tokenry" not in text


def test_the_documents_of_the_api(client: Client) -> None:
    assert client.get("/api/v1/openapi.json").json()["info"]["title"] == NAME
    metadata = client.get("/.well-known/oauth-protected-resource").json()
    assert metadata["resource_name"] == NAME
    assert f"<title>HTTP API · {NAME}</title>" in client.get("/api/v1/docs").text


def test_second_factors(owner: User) -> None:
    assert "issuer=Acme%20Keys" in get_adapter().build_totp_url(owner, "A" * 32)
    assert get_adapter().get_public_key_credential_rp_entity()["name"] == NAME


@pytest.mark.parametrize("kind", [*allauth_texts.NOTIFICATIONS, *OTHER_MAILS])
def test_mails_about_accounts(owner: User, kind: str) -> None:
    address = "new@example.com"
    EmailAddress.objects.create(user=owner, email=address)
    mail = mails.write_mail(AccountNotification(user=owner, kind=kind, to=address, facts=FACTS))
    assert mail is not None
    check(mail)
    assert f"\n\n{NAME}\n" in mail.body
    if kind == mails.INVITATION:
        assert mail.subject == f"You are invited to {NAME}"


@pytest.mark.parametrize("kind", Notification.Kind)
def test_mails_about_tokens(kind: str, issue: Issue) -> None:
    notification = Notification(token=issue()[0], kind=kind, made_at=timezone.now())
    check(
        reminder_mail([notification], timezone.now())
        if kind in [*Reminder]
        else event_mail([notification])
    )


def check(mail: EmailMultiAlternatives) -> None:
    """Check the subject, the text and the HTML of a mail."""
    html = str(mail.alternatives[0][0])
    assert "Tokenry" not in f"{mail.subject}{mail.body}{html}"
    assert NAME in html
