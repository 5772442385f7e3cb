"""One's own colour and logo reach all pages, by addresses that browsers keep."""

import re

import pytest
from django.http import HttpRequest
from django.templatetags.static import static
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from config import error_pages
from tests.conftest import Issue
from tokens.models import Notification
from tokens.notifications.emails import event_mail
from tokens.token_settings import TokenSettings

PAGES = ["/settings/tokens/", "/accounts/password/reset/", "/help/", "/admin/"]
LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1v1z"/></svg>'
KEPT = "public, max-age=31536000, immutable"

pytestmark = pytest.mark.django_db


@pytest.fixture
def color(token_settings: TokenSettings) -> str:
    token_settings.ACCENT_COLOR = "#0a7d4f"
    return token_settings.ACCENT_COLOR


@pytest.fixture
def logo(settings: Settings) -> bytes:
    settings.LOGO = LOGO
    return LOGO


def found(page: str, path: str) -> list[str]:
    """Return the addresses in `page` that begin with `path`, each once."""
    return sorted(set(re.findall(rf'(?:href|src)="({path}[^"]*)"', page)))


@pytest.mark.parametrize("path", [*PAGES, "/api/v1/docs"])
def test_pages_load_the_colour(admin_client: Client, color: str, path: str) -> None:
    [address] = found(admin_client.get(path).text, "/accent.css")
    answer = Client().get(address)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert answer["Cache-Control"] == KEPT
    assert f"--primary: light-dark({color}, " in answer.text
    assert admin_client.get(address)["Cache-Control"] == KEPT


@pytest.mark.parametrize("path", [*PAGES, "/api/v1/docs"])
def test_by_default_nothing_more_is_loaded(admin_client: Client, path: str) -> None:
    page = admin_client.get(path).text
    assert found(page, "/accent.css") == found(page, "/logo.svg") == []


def test_an_error_page_has_both(color: str, logo: bytes) -> None:
    page = error_pages.unavailable_page(HttpRequest()).text
    assert len(found(page, "/accent.css")) == len(found(page, "/logo.svg")) == 1


@pytest.mark.parametrize("path", ["/accent.css", "/accent.css?v=0", "/logo.svg", "/logo.svg?v=0"])
def test_nothing_else_is_served(path: str, color: str, logo: bytes) -> None:
    """A node with other settings must not fill the caches of browsers for a year."""
    assert Client().get(path).status_code == 404


@pytest.mark.parametrize("path", ["/accent.css", "/logo.svg"])
def test_nothing_is_served_by_default(path: str) -> None:
    assert Client().get(path).status_code == 404


@pytest.mark.parametrize("path", PAGES)
def test_pages_show_the_logo(admin_client: Client, logo: bytes, path: str) -> None:
    page = admin_client.get(path).text
    [address] = found(page, "/logo.svg")
    assert f'<img src="{address}" alt="">' in page
    assert f'<link rel="icon" href="{address}" type="image/svg+xml">' in page
    assert "touch-icon" not in page


def test_the_logo_runs_nothing(logo: bytes) -> None:
    address = Client().get("/favicon.ico")["Location"]
    answer = Client().get(address)
    assert (answer.content, answer["Content-Type"]) == (logo, "image/svg+xml")
    assert answer["Cache-Control"] == KEPT
    assert answer["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_without_a_logo_the_icon_is_the_key(client: Client) -> None:
    assert f'<link rel="icon" href="{static("icon.svg")}"' in client.get("/help/").text


@pytest.mark.parametrize(
    ("color", "light", "dark"), [("", "#0969da", "#1f6feb"), ("#000000", "#000000", "#6c6c6c")]
)
def test_buttons_of_mails(
    token_settings: TokenSettings, issue: Issue, color: str, light: str, dark: str
) -> None:
    token_settings.ACCENT_COLOR = color
    created = Notification(
        token=issue()[0], kind=Notification.Kind.CREATED, made_at=timezone.now()
    )
    html = str(event_mail([created]).alternatives[0][0])
    assert f"background:{light};color:#fff" in html
    assert f".button {{ background: {dark} !important; }}" in html
