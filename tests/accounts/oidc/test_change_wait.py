"""New groups at a sign-in: the callback is a GET that changes what tokens may do, so it waits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.test import Client

from accounts import extension_points
from accounts.models import User
from tests.accounts.oidc.fake_provider import FakeProvider
from tests.authentication.conftest import no_place_left, places_left
from tokens.authentication import change_wait
from tokens.authentication.change_wait import CHANGE_WAIT_SECONDS
from tokens.core.waiting_places import MAX_PLACES

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_a_group(change_sign_on: Callable[..., None], provider: FakeProvider) -> None:
    """Let the provider decide about groups. The person is a member of "ops"."""
    change_sign_on(groups_claim="groups")
    Group.objects.create(name="ops")
    provider.claims["groups"] = ["ops"]
    provider.sign_in(Client())


def test_a_changed_group_waits(provider: FakeProvider, waited: list[float]) -> None:
    provider.sign_in(Client())
    assert not waited
    provider.claims["groups"] = []
    provider.sign_in(Client())
    assert waited == [CHANGE_WAIT_SECONDS]
    assert places_left(change_wait.page_places) == MAX_PLACES


def test_strangers_take_no_place(provider: FakeProvider, waited: list[float]) -> None:
    """They would keep people from revoking tokens."""
    provider.claims |= {"groups": [], "nonce": "m" * 43}
    assert provider.sign_in(Client()).status_code == 502
    Client().get("/accounts/oidc/callback/", {"code": "c", "state": "s"})
    Client().post("/accounts/oidc/login/")
    Client().post("/accounts/oidc/logout/", {"logout_token": provider.logout_token()})
    assert not waited


def test_without_a_place_nothing_changes(provider: FakeProvider, waited: list[float]) -> None:
    provider.claims["groups"] = []
    with no_place_left(change_wait.page_places):
        response = provider.sign_in(Client())
    assert (response.status_code, response.context["code"]) == (503, "busy")
    assert User.objects.get().groups.exists()
    assert "_auth_user_id" not in response.client.session


def test_others_are_worked_on_while_the_provider_is_asked(
    provider: FakeProvider, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    lent: list[str] = []

    @contextmanager
    def lend(request: HttpRequest) -> Iterator[None]:
        lent.append(request.path)
        yield

    hooks = extension_points.RequestHooks(lend_permit=lend)
    monkeypatch.setattr(extension_points, "request_hooks", hooks)
    provider.sign_in(client)
    assert lent
    assert set(lent) == {"/accounts/oidc/callback/"}  # discovery is kept since the first sign-in
