"""The page where people confirm with their password, in a project without django-allauth."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from tests.conftest import Issue
from tests.server import PASSWORD
from tokens.core.circuit_breaker import ServiceUnavailable
from tokens.forms import confirm as confirm_form
from tokens.models import Token
from tokens.token_settings import TokenSettings
from tokens.views import confirm
from tokens.views.confirm import FRESH_FOR_SECONDS, ask_if_stale

PAGE = "/settings/tokens/confirm/"
FORM = {"expires": "90d", "overlap": "24h", "nonce": "n" * 22}
pytestmark = pytest.mark.django_db


def later() -> datetime:
    """Return a time at which a sign-in of now is no longer fresh."""
    return timezone.now() + timedelta(seconds=FRESH_FOR_SECONDS + 1)


@pytest.fixture
def without_allauth(monkeypatch: pytest.MonkeyPatch) -> None:
    is_installed = apps.is_installed
    monkeypatch.setattr(
        apps, "is_installed", lambda name: name != "allauth.account" and is_installed(name)
    )


@pytest.fixture
def browser(settings: Settings, token_settings: TokenSettings, owner: User) -> Client:
    """A browser whose person signed in a short time ago, by Django's own backend."""
    token_settings.FRESH_AUTHENTICATION = ask_if_stale
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    client = Client()
    client.force_login(owner, "django.contrib.auth.backends.ModelBackend")
    return client


def revoke(browser: Client, token: Token, **headers: str) -> Any:
    return browser.post(f"/settings/tokens/{token.identifier}/revoke/", headers=headers)


@pytest.mark.usefixtures("without_allauth")
def test_a_fresh_sign_in_is_enough(browser: Client, issue: Issue) -> None:
    token, _ = issue()
    response = browser.get("/settings/tokens/new/")
    assert response.status_code == 200
    assert PAGE not in revoke(browser, token).headers.get("Location", "")


@pytest.mark.usefixtures("without_allauth")
def test_a_stale_session_confirms_and_comes_back(browser: Client, issue: Issue) -> None:
    path = f"/settings/tokens/{issue()[0].identifier}/renew/"
    with time_machine.travel(later(), tick=False):
        response = browser.post(path, FORM)
        assert response.headers["Location"].startswith(f"{PAGE}?next=%2Fsettings%2Ftokens%2F")
        page = browser.get(response.headers["Location"])
        assert f'value="{path}?' in page.text
        wrong = browser.post(PAGE, {"password": "wrong", "next": path})
        assert (wrong.status_code, "That is not your password." in wrong.text) == (422, True)
        right = browser.post(PAGE, {"password": PASSWORD, "next": path})
        assert right.headers["Location"] == path
        assert browser.post(path, FORM).headers.get("Location") is None


@pytest.mark.usefixtures("without_allauth")
def test_htmx_is_sent_there_as_a_whole_page(browser: Client, issue: Issue) -> None:
    path = f"/settings/tokens/{issue()[0].identifier}/renew/"
    with time_machine.travel(later(), tick=False):
        response = browser.post(path, FORM, headers={"HX-Request": "true"})
    assert response.headers["HX-Redirect"].startswith(PAGE)


@pytest.mark.usefixtures("without_allauth")
def test_a_person_without_password_passes(browser: Client, owner: User, issue: Issue) -> None:
    path = f"/settings/tokens/{issue()[0].identifier}/renew/"
    owner.set_unusable_password()
    owner.save()
    browser.force_login(owner, "django.contrib.auth.backends.ModelBackend")
    with time_machine.travel(later(), tick=False):
        assert browser.post(path, FORM).headers.get("Location") is None


@pytest.mark.usefixtures("without_allauth")
def test_guessing_has_a_limit(browser: Client) -> None:
    answers = [browser.post(PAGE, {"password": "wrong"}).text for _ in range(6)]
    assert [("Too many attempts" in text) for text in answers] == [False] * 5 + [True]
    assert "Too many attempts" in browser.post(PAGE, {"password": PASSWORD}).text


@pytest.mark.usefixtures("without_allauth")
def test_without_counters_nobody_can_guess(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(person: str) -> None:
        raise ServiceUnavailable

    monkeypatch.setattr(confirm_form, "hit_confirmation", fail)
    page = browser.post(PAGE, {"password": PASSWORD})
    assert (page.status_code, "can&#x27;t be checked at the moment" in page.text) == (422, True)


@pytest.mark.usefixtures("browser")
def test_a_sign_in_without_a_session_is_left_alone() -> None:
    for request in (HttpRequest(), None):
        confirm.note_sign_in(request=request)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:x"])
@pytest.mark.usefixtures("without_allauth")
def test_the_way_back_stays_here(browser: Client, target: str) -> None:
    response = browser.post(PAGE, {"password": PASSWORD, "next": target})
    assert response.headers["Location"] == "/settings/tokens/"


def test_allauth_asks_where_it_is_installed(browser: Client, issue: Issue) -> None:
    response = browser.post(f"/settings/tokens/{issue()[0].identifier}/renew/", FORM)
    assert response.headers["Location"].startswith("/accounts/reauthenticate/?next=")


def test_a_project_with_its_own_function_has_no_such_page(owner_client: Client) -> None:
    assert owner_client.get(PAGE).status_code == 404
    assert owner_client.post(PAGE, {"password": PASSWORD}).status_code == 404
