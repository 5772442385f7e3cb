"""Pages of imported tokens: badge, source, and what to do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue, page_of
from tests.management.test_inventory import run
from tests.views.test_token_renew import GOOD
from tokens.models import ForeignCredential, ImportedToken, Source, Token
from tokens.token_settings import TokenSettings

pytestmark = pytest.mark.django_db
LIST = "/settings/tokens/"
BADGE = '<span class="badge">Imported</span>'
BULLETS = "•••"


@pytest.fixture
def imported(owner: User) -> Token:
    token = ImportedToken.objects.add(
        ForeignCredential("sha512:" + "0" * 128),
        owner=owner,
        source=Source.KNOX,
        name="Old service",
        environment="live",
        expires_at=timezone.now() + timedelta(days=30),
        begins_with="1a2b3c4d",
        made_at=datetime(2024, 5, 6, tzinfo=UTC),
    )
    assert token
    return token


def test_the_list(imported: Token, issue: Issue, owner_client: Client) -> None:
    page = page_of(owner_client.get(LIST))
    assert page.count(BADGE) == 1
    assert "Its value begins with <code>1a2b3c4d</code>" in page
    assert BULLETS not in page
    imported.revoke()
    issue(name="native")
    page = page_of(owner_client.get(LIST))
    assert page.count(BADGE) == page.count("hidden characters") == 1


def test_the_page_of_a_token(imported: Token, owner_client: Client) -> None:
    page = page_of(owner_client.get(imported.get_absolute_url()))
    assert BADGE in page
    assert "Imported from django-rest-knox, where it was created" in page
    assert "6 May 2024" in page
    assert "Its value did not change: it begins with <code>1a2b3c4d</code>. The" in page
    assert "The token works until" in page
    assert "Renew the token before, and give its program the new value." in page
    assert "Use it" not in page


def test_a_native_token_has_no_badge(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    for path in (LIST, token.get_absolute_url()):
        assert "Imported" not in page_of(owner_client.get(path))


@pytest.mark.parametrize(
    ("who", "status"), [("owner_client", 200), ("teammate_client", 404), ("stranger_client", 302)]
)
def test_who_sees_the_page(
    imported: Token, who: str, status: int, request: pytest.FixtureRequest
) -> None:
    client = request.getfixturevalue(who)
    assert client.get(imported.get_absolute_url()).status_code == status


def test_renewing_makes_a_token_of_ours(imported: Token, owner_client: Client) -> None:
    path = f"{imported.get_absolute_url()}renew/"
    assert "<code>Authorization: Bearer</code>" in page_of(owner_client.get(path))
    assert owner_client.post(path, GOOD).status_code == 200
    successor = Token.objects.get(renewed_from=imported)
    assert not hasattr(successor, "imported")
    old = page_of(owner_client.get(imported.get_absolute_url()))
    assert "The token works until" not in old
    assert BADGE not in page_of(owner_client.get(successor.get_absolute_url()))


def test_renewing_with_too_many_tokens(
    imported: Token, issue: Issue, owner_client: Client, token_settings: TokenSettings
) -> None:
    issue()
    token_settings.MAX_TOKENS_PER_USER = 1
    path = f"{imported.get_absolute_url()}renew/"
    assert "the most allowed" not in page_of(owner_client.get(path))
    assert owner_client.post(path, GOOD).status_code == 200
    Token.objects.filter(pk=imported.pk).update(expires_at=timezone.now(), renewed_at=None)
    Token.objects.filter(renewed_from=imported).update(renewed_from=None)
    assert "the most allowed" in page_of(owner_client.get(path))
    assert owner_client.post(path, GOOD | {"nonce": "m" * 22}).status_code == 422


def test_activity(imported: Token, owner_client: Client) -> None:
    page = page_of(owner_client.get("/settings/activity/"))
    assert "Imported" in page
    assert "from django-rest-knox" in page
    assert "by the command line" in page


def test_other_pages_show_the_identifier_alone(imported: Token, owner_client: Client) -> None:
    for path in (f"{LIST}revoke-selected/?token={imported.identifier}", f"{LIST}calendar.ics"):
        page = owner_client.get(path)
        assert page.status_code == 200, path
        assert imported.identifier in page.content.decode().replace("\r\n ", "")
        assert BULLETS not in page.content.decode()


def test_administration_filters_imported_tokens(
    imported: Token, issue: Issue, admin_client: Client
) -> None:
    issue(name="native")
    page = admin_client.get("/admin/tokens/token/?origin=imported").content.decode()
    assert ("Old service" in page, "native" in page) == (True, False)


def test_the_command_lists_imported_tokens(imported: Token, issue: Issue) -> None:
    native, _ = issue(name="native")
    out = run("list", "--imported")
    assert imported.identifier in out
    assert native.identifier not in out
    Token.objects.renew(imported, expires_at=native.expires_at, overlap=timedelta(hours=1))
    assert "Retiring" in run("list", "--imported")
    imported.revoke()
    assert run("list", "--imported") == "No imported tokens are left.\n"


def test_no_mail_says_that_a_token_was_created(
    imported: Token, django_capture_on_commit_callbacks: Any
) -> None:
    assert not imported.notifications.exists()
    assert mail.outbox == []
