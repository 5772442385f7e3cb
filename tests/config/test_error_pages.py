"""Error pages name the status, what happened and what to do."""

import re

import pytest
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client

from accounts.models import User
from config import error_pages
from tests.conftest import page_of


def failed(error: Exception) -> HttpResponse:
    """Return the page for an error that nothing caught."""
    try:
        raise error
    except type(error):
        return error_pages.server_error_page(HttpRequest())


@pytest.mark.parametrize(
    ("page", "status", "words"),
    [
        (failed(ValueError()), 500, "tell an administrator when it happened"),
        (failed(OperationalError()), 503, "Try again in a few seconds."),
        (error_pages.bad_request_page(HttpRequest()), 400, "ALLOWED_HOSTS"),
    ],
)
def test_without_a_request(page: HttpResponse, status: int, words: str) -> None:
    text = page.content.decode()
    assert page.status_code == status
    assert f"{status} · " in text
    assert words in re.sub(r"\s+", " ", text)
    assert ("it may be there already" in text) is (status >= 500)
    assert '<a class="button primary" href="/settings/tokens/">' in text


def test_not_found_does_not_repeat_the_address(client: Client, db: None) -> None:
    """Somebody may have pasted a token into the address."""
    page = page_of(client.get("/nothing/pasted/"))
    assert "404 · Not found" in page
    assert "pasted" not in page


def test_not_allowed_names_the_account(owner: User, owner_client: Client) -> None:
    response = owner_client.get("/admin/", follow=True)
    assert response.status_code == 403
    assert f"You are signed in as <strong>{owner.email}</strong>." in page_of(response)
    assert "ask an administrator" in page_of(response)
