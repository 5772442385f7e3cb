"""Several sign-ins in one browser: two tabs, two people, and a session from somebody else."""

import time

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from accounts.models import User
from tests.accounts.oidc.fake_provider import CALLBACK, CONFIRM, FakeProvider

pytestmark = pytest.mark.django_db
CREATE = "/settings/tokens/new/"
TYPED = {"name": "deploy", "environment": "test", "expires": "30d", "nonce": "n" * 22}


def test_the_code_of_one_tab_with_the_state_of_another(
    provider: FakeProvider, client: Client
) -> None:
    first, second = provider.begin(client), provider.begin(client)
    code = f"code-{first['state']}"
    provider.codes[code] = first
    response = client.get(CALLBACK, {"code": code, "state": second["state"]})
    assert (response.status_code, response.context["code"]) == (502, "invalid")
    assert provider.come_back(client, first).status_code == 302


def test_the_state_of_another_browser(provider: FakeProvider, client: Client) -> None:
    """Otherwise somebody could sign other people in to their own account."""
    begun = provider.begin(client)
    response = provider.come_back(Client(), begun)
    assert (response.status_code, response.context["code"]) == (400, "expired")
    assert not User.objects.exists()


def test_a_session_that_somebody_else_knows(provider: FakeProvider, client: Client) -> None:
    begun = provider.begin(client)
    known = client.session.session_key
    provider.come_back(client, begun)
    assert client.session.session_key != known
    assert client.session["_auth_user_id"]


def test_two_people_in_one_browser(provider: FakeProvider, client: Client) -> None:
    """The second person has nothing of the first one's session, and is not fresh by it."""
    provider.sign_in(client)
    key = client.session.session_key
    provider.claims |= {
        "sub": "person-2", "email": "bob@example.com", "auth_time": int(time.time()) - 7200,
    }  # fmt: skip
    assert provider.sign_in(client).status_code == 302
    bob = User.objects.get(email="bob@example.com")
    assert client.session["_auth_user_id"] == str(bob.pk)
    assert client.session.session_key != key
    assert UserSession.objects.get(session_key=client.session.session_key).user == bob
    assert client.post(CREATE, TYPED)["Location"].startswith(CONFIRM)


def test_a_confirmation_that_ends_after_another_person_signed_in(
    provider: FakeProvider, client: Client
) -> None:
    provider.sign_in(client)
    begun = provider.begin(client, CONFIRM, next=CREATE)
    kept = dict(provider.claims)
    provider.claims |= {"sub": "person-2", "email": "bob@example.com"}
    provider.sign_in(client)
    provider.claims = kept
    response = provider.come_back(client, begun)
    assert response.status_code in {400, 403}
    assert response.context["code"] in {"expired", "another_person"}


def test_an_account_that_is_switched_off_meanwhile(provider: FakeProvider, client: Client) -> None:
    provider.sign_in(client)
    begun = provider.begin(client, CONFIRM, next=CREATE)
    User.objects.update(is_active=False)
    response = provider.come_back(client, begun)
    assert (response.status_code, response.context["code"]) == (403, "another_person")
