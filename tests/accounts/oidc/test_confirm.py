"""Fresh authentication by the provider: people without a password confirm who they are there."""

import time
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.accounts.oidc.fake_provider import CONFIRM, FakeProvider
from tests.conftest import page_of, signed_in
from tests.server import PASSWORD

pytestmark = pytest.mark.django_db
CREATE = "/settings/tokens/new/"
TYPED = {"name": "deploy", "environment": "test", "expires": "30d", "nonce": "n" * 22}
BACK = f"{CREATE}?name=deploy&environment=test&expires=30d"
ASKED = f"{CONFIRM}?{urlencode({'next': BACK})}"
Change = Callable[..., None]


@pytest.fixture
def stale(provider: FakeProvider, client: Client) -> Client:
    """Return a client whose person authenticated at the provider an hour ago."""
    provider.claims["auth_time"] = int(time.time()) - 3600
    assert provider.sign_in(client).status_code == 302
    del provider.claims["auth_time"]
    return client


def test_signing_in_just_now_is_fresh(provider: FakeProvider, client: Client) -> None:
    provider.sign_in(client)
    assert client.post(CREATE, TYPED).status_code == 200


def test_a_session_at_the_provider_is_not_fresh(stale: Client) -> None:
    """Otherwise somebody at an unlocked computer signs out, and in again by a click."""
    assert stale.post(CREATE, TYPED)["Location"] == ASKED


def test_confirm_and_go_back_to_the_form(provider: FakeProvider, stale: Client) -> None:
    page = page_of(stale.get(ASKED))
    assert ">Confirm</button>" in page
    assert "Example ID asks you to sign in again." in page
    begun = provider.begin(stale, CONFIRM, next=BACK)
    assert (begun["prompt"], begun["max_age"]) == ("login", "0")
    assert provider.come_back(stale, begun)["Location"] == BACK
    assert stale.post(CREATE, TYPED).status_code == 200


@pytest.mark.parametrize("auth_time", [-3600, -120, None])
def test_a_provider_that_did_not_ask(
    provider: FakeProvider, stale: Client, auth_time: int | None
) -> None:
    at = None if auth_time is None else int(time.time()) + auth_time
    provider.claims["auth_time"] = at
    response = provider.sign_in(stale, CONFIRM, next=BACK)
    assert (response.status_code, response.context["code"]) == (403, "not_fresh")
    assert stale.post(CREATE, TYPED)["Location"] == ASKED


def test_another_person_confirms_nothing(provider: FakeProvider, stale: Client) -> None:
    provider.claims |= {"sub": "person-2", "email": "bob@example.com"}
    response = provider.sign_in(stale, CONFIRM, next=BACK)
    assert (response.status_code, response.context["code"]) == (403, "another_person")
    assert stale.post(CREATE, TYPED)["Location"] == ASKED
    assert User.objects.count() == 1


def test_a_password_is_set_only_after_a_confirmation(stale: Client) -> None:
    page = "/accounts/password/set/"
    assert stale.get(page)["Location"] == f"{CONFIRM}?{urlencode({'next': page})}"


def test_fresh_for_a_while(provider: FakeProvider, client: Client) -> None:
    provider.sign_in(client)
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert client.post(CREATE, TYPED)["Location"] == ASKED


def test_strangers_confirm_nothing(provider: FakeProvider, client: Client) -> None:
    assert client.post(CONFIRM)["Location"].startswith("/accounts/login/")


def test_a_person_with_both_chooses(provider: FakeProvider, client: Client) -> None:
    owner = User.objects.create_user(email="ada@example.com", password=PASSWORD)
    provider.sign_in(client)
    page = page_of(signed_in(owner, seconds_ago=3600).get("/accounts/reauthenticate/"))
    assert f'<a href="{CONFIRM}">Use Example ID</a>' in page
    stale = signed_in(owner, seconds_ago=3600)
    assert stale.post(CREATE, TYPED)["Location"].startswith("/accounts/reauthenticate/")


def test_a_person_of_the_password_alone_is_not_sent_there(
    provider: FakeProvider, owner: User
) -> None:
    page = page_of(signed_in(owner, seconds_ago=3600).get("/accounts/reauthenticate/"))
    assert CONFIRM not in page
